//! The command line arguments.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vmstate::schema::Release;
use vmstate_examples::virt::Board;
use vmstate_examples::virt::place::Place;

/// The default guest program (examples/guest/hasher.c).
pub(crate) const HASHER: &[u8] = include_bytes!("../../../guest/images/hasher.img");
const MEBIBYTE: usize = 1 << 20;

/// Run a RISC-V guest, and migrate it to and from QEMU
///
/// The board is compatible with QEMU's machine `virt`. A URI is unix:PATH, tcp:HOST:PORT, exec:COMMAND or file:PATH, as
/// in QEMU's `migrate` and `-incoming`.
#[derive(Parser)]
#[command(name = "virt", max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  virt demo                                       migrate a guest between two processes
  virt run                                        run the default program
  virt receive unix:/tmp/board --qemu 10.0        wait for a guest from QEMU and run it
  virt send unix:/tmp/qemu --after 1 --qemu 10.0  run a guest for a second, then migrate it to QEMU";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a program with the terminal as its serial port
    Run {
        #[command(flatten)]
        new: New,
        /// Report once a second how much memory the guest writes
        #[arg(long)]
        dirty_rate: bool,
    },
    /// Run a program until Ctrl-A S, then save it to a file
    Save {
        /// Output file
        file: PathBuf,
        #[command(flatten)]
        new: New,
        #[command(flatten)]
        when: Departure,
    },
    /// Run a saved guest
    Load {
        /// Saved guest
        file: PathBuf,
        #[command(flatten)]
        memory: Memory,
        /// Destination of the guest on Ctrl-A S
        #[arg(long, value_name = "URI")]
        onward: Option<Place>,
        #[command(flatten)]
        when: Departure,
    },
    /// Run a program until Ctrl-A S, then migrate it
    Send {
        /// Address of the waiting board or QEMU
        #[arg(value_name = "URI")]
        to: Place,
        #[command(flatten)]
        new: New,
        #[command(flatten)]
        when: Departure,
    },
    /// Wait for a guest from a board or QEMU, and run it
    Receive {
        /// Address to listen on
        #[arg(value_name = "URI")]
        from: Place,
        #[command(flatten)]
        memory: Memory,
        /// Destination of the guest on Ctrl-A S
        #[arg(long, value_name = "URI")]
        onward: Option<Place>,
        #[command(flatten)]
        when: Departure,
    },
    /// Migrate a running guest between two processes
    Demo {
        /// Number of migrations
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        hops: u32,
    },
    /// Run one of the processes of `demo`
    #[command(hide = true)]
    Station,
}

/// The memory of a board.
#[derive(Args)]
pub(crate) struct Memory {
    /// Memory in MiB, the same on source and destination
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
    /// Program image to load at the start of RAM (default: the self-verifying `hasher`)
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

/// The options of an outgoing migration.
#[derive(Args)]
pub(crate) struct Departure {
    /// Migrate after this time, without Ctrl-A S
    #[arg(long, value_name = "SECONDS")]
    after: Option<u16>,
    /// QEMU release that loads the stream
    #[arg(long, value_enum, value_name = "RELEASE", default_value_t = Qemu::Ten)]
    qemu: Qemu,
}

#[derive(Clone, Copy, ValueEnum)]
enum Qemu {
    #[value(name = "7.2")]
    SevenTwo,
    #[value(name = "10.0")]
    Ten,
    #[value(name = "11.1")]
    ElevenOne,
}

impl Departure {
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.after.map(|seconds| Duration::from_secs(seconds.into()))
    }

    pub(crate) fn release(&self) -> Release {
        match self.qemu {
            Qemu::SevenTwo => Release::Qemu7_2,
            Qemu::Ten => Release::Qemu10_0,
            Qemu::ElevenOne => Release::Qemu11_1,
        }
    }
}
