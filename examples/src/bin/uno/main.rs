//! Shows how to load a QEMU stream into structs, change a register, and write the stream again.
//!
//!     cargo run --release -p vmstate-examples --bin uno -- [STREAM [OUTPUT]]
//!
//! STREAM is a stream of the machine `uno`, optionally compressed with gzip (default: a built-in stream of QEMU 10.0).
//! OUTPUT is the file for the changed stream.
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

/// A stream of QEMU 10.0 (tests/streams/make).
const BUILT_IN: &[u8] = include_bytes!("../../../../tests/streams/qemu-10.0-uno.gz");
/// The register to change, and its new value.
const CHANGE: (usize, u32) = (24, 42);

/// Load a stream of QEMU's Arduino Uno, and change a register
#[derive(Parser)]
#[command(name = "uno", max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    /// Stream, optionally compressed with gzip (default: a stream of QEMU 10.0)
    stream: Option<PathBuf>,
    /// Output file for the changed stream
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

    println!("saved unchanged:      {}", compare(&bytes, &uno.save(release)?));
    let (register, value) = CHANGE;
    uno.cpu.r[register] = value;
    let changed = uno.save(release)?;
    println!("saved with r{register} = {value}:  {}", compare(&bytes, &changed));
    for change in changes("cpu", Cpu::DESCRIPTION, &bytes, &changed) {
        println!("    {change}");
    }
    if let Some(path) = output {
        fs::write(path, changed).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("\nLoad it in QEMU: qemu-system-avr -M uno -nographic -incoming 'exec:cat {}'", path.display());
        println!("Ctrl-A C opens the monitor; `info registers` shows r{register}.");
    }
    Ok(())
}

/// Reads a stream, and decompresses it if needed.
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

/// Returns the number of bytes that differ, such as `4096 bytes, 1 differs`.
fn compare(old: &[u8], new: &[u8]) -> String {
    if old.len() != new.len() {
        return format!("{} bytes, expected {}", new.len(), old.len());
    }
    match old.iter().zip(new).filter(|(old, new)| old != new).count() {
        0 => format!("{} bytes, identical", new.len()),
        1 => format!("{} bytes, 1 differs", new.len()),
        count => format!("{} bytes, {count} differ", new.len()),
    }
}
