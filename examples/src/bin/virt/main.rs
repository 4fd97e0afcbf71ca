//! Runs a RISC-V guest in a terminal, and migrates it between processes, and to and from QEMU.
//!
//!     cargo run --release -p vmstate-examples --bin virt -- demo
//!     cargo run --release -p vmstate-examples --bin virt -- run
#![forbid(unsafe_code)]

mod arguments;
mod demo;
mod dirty_rate;
mod pace;
mod session;
mod station;
mod terminal;
mod vcpu;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use vmstate_examples::virt::Board;
use vmstate_examples::virt::place::Place;

use arguments::{Arguments, Command, Departure};

/// The exit status of the guest, or the reason why the command failed.
type Outcome<T = ExitCode> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    run(Arguments::parse().command).unwrap_or_else(|error| match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        _ => {
            eprintln!("virt: {error:#}");
            ExitCode::from(2)
        }
    })
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Run { new, dirty_rate: true } => session::run_with_dirty_rate(new.build()?),
        Command::Run { new, dirty_rate: false } => session::run(new.build()?, None),
        Command::Save { file, new, when } => session::run(new.build()?, Some((Place::File(file), when))),
        Command::Send { to, new, when } => session::run(new.build()?, Some((to, when))),
        Command::Load { file, memory, onward, when } => receive(&Place::File(file), memory.board(), onward, when),
        Command::Receive { from, memory, onward, when } => receive(&from, memory.board(), onward, when),
        Command::Demo { hops } => demo::run(hops),
        Command::Station => station::run(),
    }
}

/// Receives a guest and runs it.
fn receive(from: &Place, mut board: Board, onward: Option<Place>, when: Departure) -> Outcome {
    board.receive(from.listen()?.accept()?)?;
    session::run(board, onward.map(|place| (place, when)))
}
