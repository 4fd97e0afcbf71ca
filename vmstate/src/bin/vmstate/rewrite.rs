//! `vmstate rewrite`: decodes and encodes a stream, and compares the result.

use serde::Serialize;
use vmstate::dynamic::Rewriter;
use vmstate::{LoadError, Reader, Writer};

use crate::args::Files;
use crate::failure::Failure;
use crate::input::Input;
use crate::outcome::Outcome;
use crate::output::{CHUNK, Output};
use crate::survey::{SectionRow, Survey};
use crate::terminal::{plain, plural};

/// The summary of the command.
#[derive(Serialize)]
struct Report {
    identical: bool,
    /// The number of bytes read.
    length: u64,
    /// The number of bytes written.
    written: u64,
    difference: Option<Difference>,
}

/// The first byte that differs.
#[derive(Serialize)]
struct Difference {
    offset: u64,
    section: Option<SectionRow>,
}

pub(crate) fn run(files: &Files, json: bool) -> Result<Outcome, Failure> {
    let input = Input::open(&files.input)?;
    let mut output = Output::create(&files.output, &[&files.input])?;
    let (written, difference) = rewrite(&input, &mut output)?;
    output.finish()?;
    let difference = difference.map(|offset| locate(&input, offset)).transpose()?;
    let report = Report { identical: difference.is_none(), length: input.length(), written, difference };
    Output::print_summary(&files.output, &report.text(), &report, json)?;
    Ok(Outcome::of_comparison(report.identical))
}

/// Rewrites the stream. Returns the number of bytes written and the offset of the first difference.
fn rewrite(input: &Input, output: &mut Output) -> Result<(u64, Option<u64>), Failure> {
    let failed = |error| input.failed(error);
    let mut reader = input.reader()?;
    let mut comparison = Comparison { original: input.second_reader()?, difference: None };
    let mut out = Writer::with_capacity(2 * CHUNK);
    let mut rewriter = Rewriter::new(&mut reader, input.document(), &mut out).map_err(failed)?;
    loop {
        let more = rewriter.step(&mut out).map_err(failed)?;
        if !more || out.pending().len() >= CHUNK {
            comparison.compare(out.pending()).map_err(failed)?;
            out.flush_to(output).map_err(|error| output.failed(error))?;
        }
        if !more {
            return Ok((out.offset(), comparison.finish().map_err(failed)?));
        }
    }
}

/// A comparison of the output with the original while it is written.
struct Comparison {
    original: Reader<'static>,
    difference: Option<u64>,
}

impl Comparison {
    fn compare(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        if self.difference.is_some() {
            return Ok(());
        }
        let offset = self.original.offset();
        let original = self.original.peek(bytes.len())?;
        if original == bytes {
            return self.original.skip(bytes.len() as u64);
        }
        let equal = original.iter().zip(bytes).take_while(|(original, byte)| original == byte).count();
        self.difference = Some(offset + equal as u64);
        Ok(())
    }

    /// Returns the offset of the first difference. A longer original differs at the end of the output.
    fn finish(mut self) -> Result<Option<u64>, LoadError> {
        if self.difference.is_none() && !self.original.at_end()? {
            self.difference = Some(self.original.offset());
        }
        Ok(self.difference)
    }
}

/// Finds the section of a difference. Identical streams need no survey.
fn locate(input: &Input, offset: u64) -> Result<Difference, Failure> {
    let survey = Survey::new(input, |_, _| ())?;
    Ok(Difference { offset, section: survey.section_at(offset).cloned() })
}

impl Report {
    fn text(&self) -> String {
        let Some(Difference { offset, section }) = &self.difference else {
            return format!("identical, {}", plural(self.length, "byte"));
        };
        let place = match section {
            Some(section) => format!("section \"{}\" (instance {})", plain(&section.name), section.instance_id),
            None => "no section".to_owned(),
        };
        format!("differs at byte {offset:#x}, in {place}; {} bytes read, {} written", self.length, self.written)
    }
}
