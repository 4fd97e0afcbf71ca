//! `vmstate strip`: a stream without the contents of RAM.

use serde::Serialize;
use vmstate::Writer;
use vmstate::dynamic::Stripper;

use crate::Answer;
use crate::args::Files;
use crate::failure::Failure;
use crate::input::Input;
use crate::output::Output;
use crate::rewrite::CHUNK;
use crate::text::plural;

/// What was done.
#[derive(Serialize)]
struct Report {
    /// The pages that had contents.
    pages: u64,
    /// The bytes that were read.
    length: u64,
    /// The bytes that were written.
    written: u64,
}

pub(crate) fn run(files: &Files, json: bool) -> Result<Answer, Failure> {
    let input = Input::open(&files.input)?;
    let mut output = Output::create(&files.output, &[&files.input])?;
    let (pages, written) = strip(&input, &mut output)?;
    output.finish()?;
    let report = Report { pages, length: input.length(), written };
    Output::report(&files.output, &report.text(), &report, json)?;
    Ok(Answer::Fine)
}

/// Writes the stream without its pages; their number, and that of the bytes.
fn strip(input: &Input, output: &mut Output) -> Result<(u64, u64), Failure> {
    let mut reader = input.reader()?;
    let walk = input.walk(&mut reader)?;
    let mut stripper = Stripper::new(walk, input.second_reader()?);
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
