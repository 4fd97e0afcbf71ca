//! `vmstate report`: a page for people.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use vmstate::report::{HtmlReport, ReportInput};

use crate::Answer;
use crate::args;
use crate::failure::Failure;
use crate::input::{Input, refuse_two_stdins};
use crate::output::Output;
use crate::text::plural;

/// What was done.
#[derive(Serialize)]
struct Done {
    /// The bytes of the page.
    written: u64,
}

pub(crate) fn run(arguments: &args::Report, json: bool) -> Result<Answer, Failure> {
    let paths: Vec<_> = std::iter::once(&arguments.file).chain(&arguments.other).map(PathBuf::as_path).collect();
    if let [one, other] = paths.as_slice() {
        refuse_two_stdins(one, other)?;
    }
    let inputs = paths.iter().map(|path| Input::open(path)).collect::<Result<Vec<_>, _>>()?;
    let snapshots = inputs.iter().map(Input::snapshot).collect::<Result<Vec<_>, _>>()?;
    let mut sides = inputs.iter().zip(&snapshots).map(|(input, snapshot)| ReportInput {
        name: input.name(),
        length: input.length(),
        snapshot,
    });
    let Some(first) = sides.next() else { return Ok(Answer::Fine) };
    let report = HtmlReport::new(first);
    let page = sides.next().map_or(report, |second| report.beside(second)).html();

    let mut output = Output::create(&arguments.output, &paths)?;
    output.write_all(page.as_bytes()).map_err(|error| output.failed(error))?;
    output.finish()?;
    let done = Done { written: page.len() as u64 };
    let text = format!("{} written; open the page in a browser", plural(done.written, "byte"));
    Output::report(&arguments.output, &text, &done, json)?;
    Ok(Answer::Fine)
}
