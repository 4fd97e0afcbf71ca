//! A dump as JSON. `vmstate/docs/json.md` documents the keys.

use serde::Serialize;
use vmstate::dynamic::DecodedSection;

use super::selected::{FoundField, Selected, opaque_names};
use crate::survey::{BlockRow, SectionRow};
use crate::value_json::{Located, Structure, hex, structure};

/// A stream.
#[derive(Serialize)]
pub(super) struct Stream<'a> {
    length: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<Decoded<'a>>,
    page_size: u64,
    sections: Vec<SectionEntry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ram: Option<&'a [BlockRow]>,
}

#[derive(Serialize)]
struct SectionEntry<'a> {
    #[serde(flatten)]
    row: &'a SectionRow,
    #[serde(flatten)]
    decoded: Option<Decoded<'a>>,
}

/// A payload.
#[derive(Serialize)]
struct Decoded<'a> {
    /// The decoded fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Structure<'a>>,
    /// The bytes that are not decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Opaque<'a>>,
}

#[derive(Serialize)]
struct Opaque<'a> {
    offset: u64,
    size: usize,
    value: String,
    /// The names of the fields within the bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<&'a str>,
}

/// The fields selected with `--field`.
#[derive(Serialize)]
pub(super) struct Fields<'a> {
    fields: Vec<SelectedField<'a>>,
}

#[derive(Serialize)]
struct SelectedField<'a> {
    section: &'a str,
    instance_id: u32,
    path: &'a str,
    #[serde(flatten)]
    value: Located<'a>,
}

pub(super) fn stream<'a>(selected: &Selected<'a>) -> Stream<'a> {
    let Selected { survey, configuration, sections } = *selected;
    let section = |(row, section): &'a (SectionRow, Option<DecodedSection>)| SectionEntry {
        row,
        decoded: section.as_ref().map(decoded),
    };
    Stream {
        length: survey.length,
        configuration: configuration.map(decoded),
        page_size: survey.page_size,
        sections: sections.iter().map(section).collect(),
        ram: selected.has_ram().then_some(&survey.ram),
    }
}

pub(super) fn fields<'a>(found: &[FoundField<'a>]) -> Fields<'a> {
    let field = |FoundField { section, path, found }: &FoundField<'a>| SelectedField {
        section: &section.name,
        instance_id: section.instance_id,
        path,
        value: Located::from_found(found),
    };
    Fields { fields: found.iter().map(field).collect() }
}

fn decoded(section: &DecodedSection) -> Decoded<'_> {
    Decoded { state: section.state().map(structure), bytes: opaque(section) }
}

fn opaque(section: &DecodedSection) -> Option<Opaque<'_>> {
    let (offset, bytes) = section.opaque()?;
    Some(Opaque { offset, size: bytes.len(), value: hex(bytes), names: opaque_names(section) })
}
