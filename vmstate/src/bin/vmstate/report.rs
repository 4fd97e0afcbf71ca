//! `vmstate report`: writes an HTML page about one stream, or the differences of two.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use vmstate::report::{HtmlReport, ReportInput};

use crate::args;
use crate::failure::Failure;
use crate::input::{Input, reject_two_stdins};
use crate::outcome::Outcome;
use crate::output::Output;
use crate::terminal::plural;

/// The summary of the command.
#[derive(Serialize)]
struct Summary {
    /// The size of the page in bytes.
    written: u64,
}

pub(crate) fn run(arguments: &args::Report, json: bool) -> Result<Outcome, Failure> {
    let paths: Vec<_> = std::iter::once(&arguments.file).chain(&arguments.other).map(PathBuf::as_path).collect();
    if let [one, other] = paths.as_slice() {
        reject_two_stdins(one, other)?;
    }
    let inputs = paths.iter().map(|path| Input::open(path)).collect::<Result<Vec<_>, _>>()?;
    let snapshots = inputs.iter().map(Input::snapshot).collect::<Result<Vec<_>, _>>()?;
    let mut sides = inputs.iter().zip(&snapshots).map(|(input, snapshot)| ReportInput {
        name: input.name(),
        length: input.length(),
        snapshot,
    });
    let Some(first) = sides.next() else { return Ok(Outcome::Success) };
    let report = HtmlReport::new(first);
    let page = sides.next().map_or(report, |second| report.beside(second)).html();
    let page = page.map_err(|error| Failure::File("cannot write the page".to_owned(), error))?;

    let mut output = Output::create(&arguments.output, &paths)?;
    output.write_all(page.as_bytes()).map_err(|error| output.failed(error))?;
    output.finish()?;
    let summary = Summary { written: page.len() as u64 };
    let text = format!("{} written", plural(summary.written, "byte"));
    Output::print_summary(&arguments.output, &text, &summary, json)?;
    Ok(Outcome::Success)
}
