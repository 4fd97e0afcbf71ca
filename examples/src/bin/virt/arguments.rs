//! What can be said on the command line.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vmstate::schema::Release;
use vmstate_examples::virt::Board;
use vmstate_examples::virt::place::Place;

/// The program that is run when no other is named (examples/guest/hasher.c).
pub(crate) const HASHER: &[u8] = include_bytes!("../../../guest/images/hasher.img");
const MEBIBYTE: usize = 1 << 20;

/// A small RISC-V board, whose guest can change places with one in QEMU's machine `virt`.
///
/// A URI is unix:PATH, tcp:HOST:PORT, exec:COMMAND or file:PATH, as for QEMU's `migrate` and `-incoming`.
#[derive(Parser)]
#[command(name = "virt", max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  virt demo                                       two boards, and a guest that moves between them
  virt run --help                                 what boards are made of
  virt receive unix:/tmp/board --qemu 10.0        wait for a guest of QEMU's, and run it here
  virt send unix:/tmp/qemu --after 1 --qemu 10.0  run a guest for a second, and send it to QEMU";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs a program, with this terminal as its serial port; Ctrl-A X quits
    Run(New),
    /// Runs a program until Ctrl-A S, and saves it to a file
    Save {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        new: New,
        #[command(flatten)]
        when: Departure,
    },
    /// Runs what was saved to a file
    Load {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        memory: Memory,
        /// Where to send it on Ctrl-A S
        #[arg(long, value_name = "URI")]
        onward: Option<Place>,
        #[command(flatten)]
        when: Departure,
    },
    /// Runs a program until Ctrl-A S, and sends it to a board or a QEMU that waits for it
    Send {
        /// Where that is
        #[arg(value_name = "URI")]
        to: Place,
        #[command(flatten)]
        new: New,
        #[command(flatten)]
        when: Departure,
    },
    /// Waits for a program that is sent from a board or a QEMU, and runs it
    Receive {
        /// Where to wait
        #[arg(value_name = "URI")]
        from: Place,
        #[command(flatten)]
        memory: Memory,
        /// Where to send it on Ctrl-A S
        #[arg(long, value_name = "URI")]
        onward: Option<Place>,
        #[command(flatten)]
        when: Departure,
    },
    /// Moves a running program from one process to another and back
    Demo {
        /// How often
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        hops: u32,
    },
    /// One of the processes of the demo
    #[command(hide = true)]
    Station,
}

/// How much memory a board has.
#[derive(Args)]
pub(crate) struct Memory {
    /// The size of its memory, in mebibytes; as large as where a guest comes from and goes to
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    ram: u16,
}

impl Memory {
    pub(crate) fn board(&self) -> Board {
        Board::new(usize::from(self.ram) * MEBIBYTE)
    }
}

/// A board with a program.
#[derive(Args)]
pub(crate) struct New {
    /// What is put to the beginning of the memory; without it, a program that computes and verifies itself
    image: Option<PathBuf>,
    #[command(flatten)]
    memory: Memory,
}

impl New {
    pub(crate) fn build(&self) -> Result<Board, Box<dyn Error>> {
        let mut board = self.memory.board();
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

/// When a guest leaves, and for whom.
#[derive(Args)]
pub(crate) struct Departure {
    /// Leave after so many seconds, without waiting for Ctrl-A S
    #[arg(long, value_name = "SECONDS")]
    after: Option<u16>,
    /// Which QEMU will read the stream
    #[arg(long, value_enum, value_name = "RELEASE", default_value_t = Qemu::Ten)]
    qemu: Qemu,
}

#[derive(Clone, Copy, ValueEnum)]
enum Qemu {
    #[value(name = "7.2")]
    SevenTwo,
    #[value(name = "10.0")]
    Ten,
}

impl Departure {
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.after.map(|seconds| Duration::from_secs(seconds.into()))
    }

    pub(crate) fn release(&self) -> Release {
        match self.qemu {
            Qemu::SevenTwo => Release::Qemu7_2,
            Qemu::Ten => Release::Qemu10_0,
        }
    }
}
