//! `vmstate dump`: the fields of a stream's devices.

use std::collections::BTreeSet;

use vmstate::dynamic::{DecodedBody, DecodedSection, Found};
use vmstate::schema::vmdesc::{Nested, SentField, SentStruct};

use crate::args::Dump;
use crate::failure::Failure;
use crate::input::Input;
use crate::select::Selection;
use crate::survey::{SectionRow, Survey};
use crate::{Answer, output};

pub(crate) mod json;
mod tree;

/// A section that was asked for; RAM comes without its payload.
type Selected = (SectionRow, Option<DecodedSection>);

pub(crate) fn run(arguments: &Dump, json: bool) -> Result<Answer, Failure> {
    let input = Input::open(&arguments.file)?;
    let selection = Selection::new(&arguments.sections);
    let mut sections = Vec::new();
    let survey = Survey::of(&input, |row, section| {
        if selection.has(&row.name, row.instance_id) {
            sections.push((row.clone(), section));
        }
    })?;
    let configuration = survey.configured.as_ref().filter(|section| selection.has(&section.name, section.instance_id));
    selection.check()?;
    let dumped = Dumped { survey: &survey, configuration, sections: &sections };
    if !arguments.fields.is_empty() {
        let found = dumped.find(&arguments.fields)?;
        return show(json, || tree::fields(&found), || json::fields(&found));
    }
    show(json, || tree::stream(&dumped), || json::stream(&dumped))
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

/// What was asked for.
struct Dumped<'a> {
    survey: &'a Survey,
    configuration: Option<&'a DecodedSection>,
    sections: &'a [Selected],
}

/// A field that was asked for by its path.
struct Match<'a> {
    section: &'a DecodedSection,
    path: &'a str,
    found: Found<'a>,
}

impl<'a> Dumped<'a> {
    /// Finds all `paths` in all sections; each must be somewhere.
    fn find(&self, paths: &'a [String]) -> Result<Vec<Match<'a>>, Failure> {
        let mut missing: BTreeSet<_> = paths.iter().collect();
        let mut matches = Vec::new();
        let sections = self.sections.iter().filter_map(|(_, section)| section.as_ref());
        for section in self.configuration.into_iter().chain(sections) {
            for path in paths {
                let Some(found) = section.get(path) else { continue };
                missing.remove(path);
                matches.push(Match { section, path, found });
            }
        }
        match missing.first() {
            Some(path) => Err(Failure::Usage(format!("no section that was looked at has a field `{path}`"))),
            None => Ok(matches),
        }
    }

    /// Whether RAM was asked for.
    fn has_ram(&self) -> bool {
        self.sections.iter().any(|(_, section)| section.is_none())
    }
}

/// What QEMU calls the state that a handler of the old style wrote, of which nothing else is described.
pub(crate) const OLD_STYLE: &str = "data";

/// The names of the fields and subsections whose bytes could not be told apart, because their description is not exact.
fn undecoded(section: &DecodedSection) -> Vec<&str> {
    let mut names = Vec::new();
    if let DecodedBody::Partly(_, rest) = &section.body {
        rest.fields.iter().for_each(|field| field_names(field, &mut names));
        rest.subsections.iter().for_each(|subsection| struct_names(subsection, &mut names));
    }
    names
}

fn field_names<'a>(field: &'a SentField, names: &mut Vec<&'a str>) {
    names.push(&field.name);
    match &field.nested {
        Nested::None | Nested::Empty => {}
        Nested::Struct(inner) => struct_names(inner, names),
        Nested::Inline(structs) => structs.iter().for_each(|inner| struct_names(inner, names)),
    }
}

fn struct_names<'a>(inner: &'a SentStruct, names: &mut Vec<&'a str>) {
    names.push(&inner.vmsd_name);
    inner.fields.iter().for_each(|field| field_names(field, names));
    inner.subsections.iter().for_each(|subsection| struct_names(subsection, names));
}
