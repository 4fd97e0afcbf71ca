//! `vmstate set`: changes values, subsections and names in a stream.

use serde::Serialize;
use vmstate::Writer;
use vmstate::dynamic::edit::{AppliedEdit, EditError, Edits, parse_subsection};
use vmstate::dynamic::{DecodedStruct, StreamEvent};

use crate::args::Set;
use crate::failure::Failure;
use crate::input::{Input, is_stdio};
use crate::outcome::Outcome;
use crate::output::{CHUNK, Output};

/// The summary of the command.
#[derive(Serialize)]
struct Report {
    changes: Vec<Changed>,
    /// The number of bytes read.
    length: u64,
    /// The number of bytes written.
    written: u64,
}

/// A change as text.
#[derive(Serialize)]
struct Changed {
    path: String,
    old: Option<String>,
    new: Option<String>,
}

pub(crate) fn run(arguments: &Set, json: bool) -> Result<Outcome, Failure> {
    let input = Input::open(&arguments.input)?;
    let edits = edits(arguments)?;
    let inputs = [Some(arguments.input.as_path()), arguments.from.as_deref()];
    let inputs = inputs.into_iter().flatten().collect::<Vec<_>>();
    let mut output = Output::create(&arguments.output, &inputs)?;
    let (written, changes) = write(&input, edits, &mut output)?;
    output.finish()?;
    let text = summary(&changes);
    let changes = changes.into_iter().map(|AppliedEdit { path, old, new, .. }| Changed { path, old, new }).collect();
    let report = Report { changes, length: input.length(), written };
    Output::print_summary(&arguments.output, &text, &report, json)?;
    Ok(Outcome::Success)
}

/// One change per line.
fn summary(changes: &[AppliedEdit]) -> String {
    if changes.is_empty() {
        return "0 changes".to_owned();
    }
    changes.iter().map(AppliedEdit::to_string).collect::<Vec<_>>().join("\n")
}

/// Writes the stream with the changes. Returns the number of bytes written and the changes.
fn write(input: &Input, mut edits: Edits, output: &mut Output) -> Result<(u64, Vec<AppliedEdit>), Failure> {
    let failed = |error| match error {
        EditError::Stream(error) => input.failed(error),
        other => Failure::usage(format!("{other:#}")),
    };
    let mut reader = input.reader()?;
    let mut out = Writer::with_capacity(2 * CHUNK);
    let mut rewriter = edits.begin(&mut reader, input.document(), &mut out).map_err(failed)?;
    loop {
        let more = rewriter.step_with(&mut out, |header, section| edits.apply(header, section)).map_err(failed)?;
        if !more || out.pending().len() >= CHUNK {
            out.flush_to(output).map_err(|error| output.failed(error))?;
        }
        if !more {
            return Ok((out.offset(), edits.finish().map_err(failed)?));
        }
    }
}

/// Collects the edits from the arguments.
fn edits(arguments: &Set) -> Result<Edits, Failure> {
    let mut edits = Edits::new();
    for text in &arguments.values {
        let (path, value) = split_at_equals(text, "PATH=VALUE")?;
        edits = edits.set(path, value);
    }
    for path in &arguments.drop_subsection {
        edits = edits.drop_subsection(path);
    }
    for text in &arguments.add_subsection {
        let (path, subsection) = addition(text, arguments)?;
        edits = edits.add_subsection(path, subsection);
    }
    for text in &arguments.rename_section {
        let (old, new) = split_at_equals(text, "OLD=NEW")?;
        edits = edits.rename_section(old, new);
    }
    if let Some(machine) = &arguments.machine {
        edits = edits.machine(machine);
    }
    if arguments.allow_counts {
        edits = edits.force();
    }
    Ok(edits)
}

fn split_at_equals<'t>(text: &'t str, form: &str) -> Result<(&'t str, &'t str), Failure> {
    text.split_once('=').ok_or_else(|| Failure::usage(format!("expected {form}, found `{text}`")))
}

/// Returns a subsection to add, and its path.
fn addition<'t>(text: &'t str, arguments: &Set) -> Result<(&'t str, DecodedStruct), Failure> {
    if let Some((path, written)) = text.split_once('=') {
        let subsection = parse_subsection(written);
        return Ok((path, subsection.map_err(|rejection| Failure::usage(format!("{rejection:#}")))?));
    }
    let Some(from) = &arguments.from else {
        return Err(Failure::usage_with_help(
            format!("missing contents of the subsection `{text}`"),
            "copy it from a stream with `--from FILE`, or write `PATH=VERSION{NAME:TYPE=VALUE, ...}`",
        ));
    };
    if is_stdio(from) && is_stdio(&arguments.input) {
        return Err(Failure::usage("IN and `--from` cannot both be standard input"));
    }
    let missing = || Failure::usage(format!("`{}` has no subsection `{text}`", from.display()));
    Ok((text, find(&Input::open(from)?, text)?.ok_or_else(missing)?))
}

/// Finds the subsection at `path` in another stream.
fn find(input: &Input, path: &str) -> Result<Option<DecodedStruct>, Failure> {
    let mut reader = input.reader()?;
    let mut decoder = input.decoder(&mut reader)?;
    while let Some(event) = decoder.next_event().map_err(|error| input.failed(error))? {
        if let StreamEvent::Section { section, .. } = event
            && let Some(found) = section.subsection_by(path)
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
