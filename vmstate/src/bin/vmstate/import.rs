//! `vmstate import`: generates Rust structs for the devices of a stream.

use std::io::Write;

use vmstate::import::Importer;
use vmstate::stream::SectionHeader;

use crate::args::Import;
use crate::failure::Failure;
use crate::input::Input;
use crate::outcome::Outcome;
use crate::output::{self, Output};
use crate::select::Selection;

pub(crate) fn run(import: &Import) -> Result<Outcome, Failure> {
    let input = Input::open_stream_or_json(&import.file)?;
    let mut importer = Importer::new(input.short_name());
    let text = input.json()?;
    match (&text, input.document()) {
        (Some(text), _) => {
            let selection = Selection::new(&import.sections, &std::iter::empty());
            importer.dump_devices(text, |name| selection.has(name, 0)).map_err(|error| input.failed(error))?;
            selection.check()?;
        }
        (None, Some(document)) => {
            let selection = Selection::new(&import.sections, &input.section_names());
            let wanted = |header: &SectionHeader| selection.has(&header.name, header.instance_id);
            importer.stream_sections(&mut input.reader()?, document, wanted).map_err(|error| input.failed(error))?;
            selection.check()?;
        }
        (None, None) => return Err(no_description()),
    }
    if text.is_some() && import.with_main {
        return Err(Failure::usage_with_help(
            "`--with-main` needs a stream, not a dump",
            "leave out `--with-main`, or save a stream with QEMU",
        ));
    }
    let source = if import.with_main { importer.program() } else { importer.source() };
    match &import.output {
        Some(path) => {
            let mut output = Output::create(path, &[&import.file])?;
            output.write_all(source.as_bytes()).map_err(|error| output.failed(error))?;
            output.finish()?;
        }
        None => output::print(&source)?,
    }
    Ok(Outcome::Success)
}

fn no_description() -> Failure {
    Failure::usage_with_help(
        "the stream has no description, so its fields are unknown",
        "save the stream without QEMU's machine option `suppress-vmdesc`",
    )
}
