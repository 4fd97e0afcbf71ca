//! `vmstate set`: a stream with something changed.

use serde::Serialize;
use vmstate::Writer;
use vmstate::dynamic::edit::{AppliedEdit, EditError, Edits, parse_subsection};
use vmstate::dynamic::{DecodedStruct, StreamEvent};

use crate::Answer;
use crate::args::Set;
use crate::failure::Failure;
use crate::input::{Input, is_stdio};
use crate::output::Output;
use crate::rewrite::CHUNK;
use crate::text::plain;

/// What was done.
#[derive(Serialize)]
struct Report {
    changes: Vec<Changed>,
    /// The bytes that were read.
    length: u64,
    /// The bytes that were written.
    written: u64,
}

/// One thing that was changed, as text for people.
#[derive(Serialize)]
struct Changed {
    path: String,
    old: Option<String>,
    new: Option<String>,
}

pub(crate) fn run(arguments: &Set, json: bool) -> Result<Answer, Failure> {
    let input = Input::open(&arguments.input)?;
    let edits = edits(arguments)?;
    let inputs = [Some(arguments.input.as_path()), arguments.from.as_deref()];
    let inputs = inputs.into_iter().flatten().collect::<Vec<_>>();
    let mut output = Output::create(&arguments.output, &inputs)?;
    let (written, changes) = write(&input, edits, &mut output)?;
    output.finish()?;
    let text = match changes.is_empty() {
        true => "nothing changed".to_owned(),
        false => changes.iter().map(|change| plain(&change.to_string())).collect::<Vec<_>>().join("\n"),
    };
    let changes = changes.into_iter().map(|AppliedEdit { path, old, new, .. }| Changed { path, old, new }).collect();
    let report = Report { changes, length: input.length(), written };
    Output::report(&arguments.output, &text, &report, json)?;
    Ok(Answer::Fine)
}

/// Writes the stream with the changes; the number of bytes, and what was changed.
fn write(input: &Input, mut edits: Edits, output: &mut Output) -> Result<(u64, Vec<AppliedEdit>), Failure> {
    let failed = |error| match error {
        EditError::Stream(error) => input.failed(error),
        other => Failure::Usage(plain_lines(&other.to_string())),
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

/// What was asked for.
fn edits(arguments: &Set) -> Result<Edits, Failure> {
    let mut edits = Edits::new();
    for text in &arguments.values {
        let (path, value) = halves(text, "PATH=VALUE")?;
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
        let (old, new) = halves(text, "OLD=NEW")?;
        edits = edits.rename_section(old, new);
    }
    if let Some(machine) = &arguments.machine {
        edits = edits.machine(machine);
    }
    if arguments.force {
        edits = edits.force();
    }
    Ok(edits)
}

fn halves<'t>(text: &'t str, form: &str) -> Result<(&'t str, &'t str), Failure> {
    text.split_once('=').ok_or_else(|| Failure::Usage(format!("expected {form}, found `{}`", plain(text))))
}

/// A subsection, and where to add it.
fn addition<'t>(text: &'t str, arguments: &Set) -> Result<(&'t str, DecodedStruct), Failure> {
    if let Some((path, written)) = text.split_once('=') {
        let subsection = parse_subsection(written);
        return Ok((path, subsection.map_err(|refusal| Failure::Usage(plain_lines(&refusal.to_string())))?));
    }
    let Some(from) = &arguments.from else {
        let message = format!("where is `{}` to be copied from? Say `--from FILE`, or what is in it", plain(text));
        return Err(Failure::Usage(message));
    };
    if is_stdio(from) && is_stdio(&arguments.input) {
        return Err(Failure::Usage("IN and `--from` cannot both be standard input".to_owned()));
    }
    let missing = || Failure::Usage(format!("`{}` has no subsection `{}`", from.display(), plain(text)));
    Ok((text, find(&Input::open(from)?, text)?.ok_or_else(missing)?))
}

/// The subsection at `path` in another stream.
fn find(input: &Input, path: &str) -> Result<Option<DecodedStruct>, Failure> {
    let mut reader = input.reader()?;
    let mut walk = input.walk(&mut reader)?;
    while let Some(event) = walk.next_event().map_err(|error| input.failed(error))? {
        if let StreamEvent::Section { section, .. } = event
            && let Some(found) = section.subsection_by(path)
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Text of several lines, with nothing in them that a terminal would obey.
fn plain_lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}
