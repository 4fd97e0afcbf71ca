//! A small RISC-V board in a terminal, whose guest can change places with one in QEMU.
//!
//!     cargo run --release -p vmstate-examples --bin virt -- run
#![forbid(unsafe_code)]

mod pace;
mod run;
mod terminal;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, io};

use clap::{Args, Parser, Subcommand};
use vmstate_examples::virt::Board;

/// The program that is run when no other is named (examples/guest/hasher.c).
const HASHER: &[u8] = include_bytes!("../../../guest/images/hasher.img");
const MEBIBYTE: usize = 1 << 20;

/// What a command gives: the exit code of its guest, or why there is none.
type Outcome = Result<ExitCode, Box<dyn Error>>;

/// A small RISC-V board, like QEMU's machine `virt`.
#[derive(Parser)]
#[command(name = "virt", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a program on the board, with this terminal as its serial port. Ctrl-A X quits.
    Run(New),
}

/// How to build a board.
#[derive(Args)]
struct New {
    /// What is put to the beginning of its memory; without it, a program that computes and verifies itself
    image: Option<PathBuf>,
    /// The size of its memory, in mebibytes
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    ram: u16,
}

impl New {
    fn build(&self) -> Result<Board, Box<dyn Error>> {
        let mut board = Board::new(usize::from(self.ram) * MEBIBYTE);
        match &self.image {
            None => board.load_image(HASHER)?,
            Some(path) => {
                let image = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
                board.load_image(&image)?;
            }
        }
        Ok(board)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Command::Run(new) => new.build().and_then(run::run),
    };
    outcome.unwrap_or_else(|error| match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        _ => {
            eprintln!("virt: {error}");
            ExitCode::from(2)
        }
    })
}
