//! Runs a RISC-V guest, and migrates it between processes, and to and from QEMU, while it runs.
//!
//!     cargo run --release -p vmstate-examples --bin virt -- demo
//!     cargo run --release -p vmstate-examples --bin virt -- run
#![forbid(unsafe_code)]

mod arguments;
mod client;
mod demo;
mod dirty_rate;
mod history;
mod session;
mod terminal;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// The exit status of the guest, or the reason why the command failed.
type Outcome<T = ExitCode> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => session::run(&arguments),
        Command::Demo { hops } => demo::run(hops),
    };
    outcome.unwrap_or_else(|error| match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        _ => {
            eprintln!("virt: {error:#}");
            ExitCode::from(2)
        }
    })
}
