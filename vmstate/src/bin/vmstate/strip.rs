//! `vmstate strip`: copies a stream with all RAM pages zeroed.

use serde::Serialize;
use vmstate::Writer;
use vmstate::dynamic::Stripper;

use crate::args::Files;
use crate::failure::Failure;
use crate::input::Input;
use crate::outcome::Outcome;
use crate::output::{CHUNK, Output};
use crate::terminal::plural;

/// The summary of the command.
#[derive(Serialize)]
struct Report {
    /// The number of pages that were not zero.
    pages: u64,
    /// The number of bytes read.
    length: u64,
    /// The number of bytes written.
    written: u64,
}

pub(crate) fn run(files: &Files, json: bool) -> Result<Outcome, Failure> {
    let input = Input::open(&files.input)?;
    let mut output = Output::create(&files.output, &[&files.input])?;
    let (pages, written) = strip(&input, &mut output)?;
    output.finish()?;
    let report = Report { pages, length: input.length(), written };
    Output::print_summary(&files.output, &report.text(), &report, json)?;
    Ok(Outcome::Success)
}

/// Writes the stream with its pages zeroed. Returns the number of pages and of bytes written.
fn strip(input: &Input, output: &mut Output) -> Result<(u64, u64), Failure> {
    let mut reader = input.reader()?;
    let decoder = input.decoder(&mut reader)?;
    let mut stripper = Stripper::new(decoder, input.second_reader()?);
    let mut out = Writer::with_capacity(2 * CHUNK);
    loop {
        let more = stripper.step(&mut out).map_err(|error| input.failed(error))?;
        if !more || out.pending().len() >= CHUNK {
            out.flush_to(output).map_err(|error| output.failed(error))?;
        }
        if !more {
            return Ok((stripper.pages(), out.offset()));
        }
    }
}

impl Report {
    fn text(&self) -> String {
        let Self { pages, length, written } = self;
        format!("{} zeroed; {} read, {written} written", plural(*pages, "page"), plural(*length, "byte"))
    }
}
