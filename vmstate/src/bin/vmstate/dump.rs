//! `vmstate dump`: prints the fields of devices with their values and offsets.

use serde::Serialize;

use crate::args::Dump;
use crate::failure::Failure;
use crate::input::Input;
use crate::outcome::Outcome;
use crate::output;
use crate::select::Selection;
use crate::survey::Survey;

mod render_json;
mod render_text;
mod selected;

pub(crate) use selected::OLD_STYLE;
use selected::Selected;

pub(crate) fn run(arguments: &Dump, json: bool) -> Result<Outcome, Failure> {
    let input = Input::open(&arguments.file)?;
    let selection = Selection::new(&arguments.sections, &input.section_names());
    let mut sections = Vec::new();
    let survey = Survey::new(&input, |row, section| {
        if selection.has(&row.name, row.instance_id) {
            sections.push((row.clone(), section));
        }
    })?;
    let configuration = survey.configured.as_ref().filter(|section| selection.has(&section.name, section.instance_id));
    selection.check()?;
    let selected = Selected { survey: &survey, configuration, sections: &sections };
    if !arguments.fields.is_empty() {
        let found = selected.find(&arguments.fields)?;
        return print(json, || render_text::fields(&found), || render_json::fields(&found));
    }
    print(json, || render_text::stream(&selected), || render_json::stream(&selected))
}

/// Renders only the requested format.
fn print<J: Serialize>(
    as_json: bool,
    text: impl FnOnce() -> String,
    json: impl FnOnce() -> J,
) -> Result<Outcome, Failure> {
    if as_json {
        output::print_json(&json())?;
    } else {
        output::print(&text())?;
    }
    Ok(Outcome::Success)
}
