//! Loads a migration stream of QEMU's Arduino Uno into structs, shows it, changes a register, and writes it again.
//!
//!     cargo run --release -p vmstate-examples --bin uno -- [STREAM [OUTPUT]]
//!
//! STREAM is a file, compressed with gzip or not; without it, one of QEMU 10.0 that is built in. OUTPUT is where the
//! changed stream goes; without it, it is not kept.
#![forbid(unsafe_code)]

mod show;

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use vmstate::VmState;
use vmstate_examples::devices::avr::Cpu;
use vmstate_examples::difference::changes;
use vmstate_examples::uno::Uno;

/// What QEMU 10.0 wrote (tests/streams/make).
const BUILT_IN: &[u8] = include_bytes!("../../../../tests/streams/qemu-10.0-uno.gz");
/// The register that is changed, and to what.
const CHANGE: (usize, u32) = (24, 42);

/// Loads a stream of QEMU's Arduino Uno into structs, shows it, changes a register, and shows what that changes.
#[derive(Parser)]
#[command(name = "uno", max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    /// The stream, compressed with gzip or not; one of QEMU 10.0 is built in
    stream: Option<PathBuf>,
    /// Where to write the changed stream
    output: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  uno
  uno vm.state changed.state";

fn main() -> ExitCode {
    let Arguments { stream, output } = Arguments::parse();
    match run(stream.as_deref(), output.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("uno: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(stream: Option<&Path>, output: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let bytes = read(stream)?;
    let (mut uno, release) = Uno::load(&bytes)?;
    println!("{}", show::machine(&uno, release));

    println!("written as it is:       {}", compare(&bytes, &uno.save(release)?));
    let (register, value) = CHANGE;
    uno.cpu.r[register] = value;
    let changed = uno.save(release)?;
    println!("written with r{register} = {value}:  {}", compare(&bytes, &changed));
    for change in changes("cpu", Cpu::DESCRIPTION, &bytes, &changed) {
        println!("    {change}");
    }
    if let Some(path) = output {
        fs::write(path, changed).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("\nQEMU loads it: qemu-system-avr -M uno -nographic -incoming 'exec:cat {}'", path.display());
        println!("(Ctrl-A C leads to its monitor, where `info registers` shows r{register}.)");
    }
    Ok(())
}

/// Reads a stream, which may be compressed.
fn read(path: Option<&Path>) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes = match path {
        Some(path) => fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?,
        None => BUILT_IN.to_vec(),
    };
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

/// Says in how many bytes two streams differ.
fn compare(old: &[u8], new: &[u8]) -> String {
    let differing = old.iter().zip(new).filter(|(old, new)| old != new).count();
    match (old.len() == new.len(), differing) {
        (true, 0) => format!("{} bytes, the same", new.len()),
        (true, 1) => format!("{} bytes, 1 of them different", new.len()),
        (true, count) => format!("{} bytes, {count} of them different", new.len()),
        (false, _) => format!("{} bytes instead of {}", new.len(), old.len()),
    }
}
