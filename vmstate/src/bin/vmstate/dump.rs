//! `vmstate dump`: the fields of a stream's devices.

use std::collections::BTreeSet;

use vmstate::dynamic::{Body, Found, Section};
use vmstate::schema::vmdesc::{Field, Nested, Struct};

use crate::args::Dump;
use crate::failure::Failure;
use crate::input::Input;
use crate::select::Selection;
use crate::survey::{SectionRow, Survey};
use crate::{Answer, output};

mod json;
mod tree;

/// A section that was asked for; RAM comes without its payload.
type Selected = (SectionRow, Option<Section>);

pub(crate) fn run(arguments: &Dump, json: bool) -> Result<Answer, Failure> {
    let input = Input::open(&arguments.file)?;
    let selection = Selection::new(&arguments.sections);
    let mut sections = Vec::new();
    let survey = Survey::of(&input, |row, section| {
        if selection.has(row) {
            sections.push((row.clone(), section));
        }
    })?;
    selection.check()?;
    if !arguments.fields.is_empty() {
        let found = find(&sections, &arguments.fields)?;
        return show(json, || tree::fields(&found), || json::fields(&found));
    }
    show(json, || tree::stream(&survey, &sections), || json::stream(&survey, &sections))
}

/// Prints the answer in one of its forms.
fn show<J: serde::Serialize>(
    as_json: bool,
    text: impl FnOnce() -> String,
    json: impl FnOnce() -> J,
) -> Result<Answer, Failure> {
    match as_json {
        true => output::answer_json(&json())?,
        false => output::answer(&text())?,
    }
    Ok(Answer::Fine)
}

/// A field that was asked for by its path.
struct Match<'a> {
    section: &'a SectionRow,
    path: &'a str,
    found: Found<'a>,
}

/// Finds all `paths` in all `sections`; each must be somewhere.
fn find<'a>(sections: &'a [Selected], paths: &'a [String]) -> Result<Vec<Match<'a>>, Failure> {
    let mut missing: BTreeSet<_> = paths.iter().collect();
    let mut matches = Vec::new();
    for (row, section) in sections {
        let Some(section) = section else { continue };
        for path in paths {
            let Some(found) = section.get(path) else { continue };
            missing.remove(path);
            matches.push(Match { section: row, path, found });
        }
    }
    match missing.first() {
        Some(path) => Err(Failure::Usage(format!("no section that was looked at has a field `{path}`"))),
        None => Ok(matches),
    }
}

/// The names of the fields and subsections whose bytes could not be told apart, because their description is not exact.
fn undecoded(section: &Section) -> Vec<&str> {
    let mut names = Vec::new();
    if let Body::Partly(_, rest) = &section.body {
        rest.fields.iter().for_each(|field| field_names(field, &mut names));
        rest.subsections.iter().for_each(|subsection| struct_names(subsection, &mut names));
    }
    names
}

fn field_names<'a>(field: &'a Field, names: &mut Vec<&'a str>) {
    names.push(&field.name);
    match &field.nested {
        Nested::None | Nested::Empty => {}
        Nested::Struct(inner) => struct_names(inner, names),
        Nested::Inline(structs) => structs.iter().for_each(|inner| struct_names(inner, names)),
    }
}

fn struct_names<'a>(inner: &'a Struct, names: &mut Vec<&'a str>) {
    names.push(&inner.vmsd_name);
    inner.fields.iter().for_each(|field| field_names(field, names));
    inner.subsections.iter().for_each(|subsection| struct_names(subsection, names));
}
