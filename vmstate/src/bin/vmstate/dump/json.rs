//! Fields as JSON: complete, integers exact, bytes in hex.

use std::fmt::Write;

use serde::Serialize;
use vmstate::dynamic::{
    DecodedBody, DecodedField, DecodedSection, DecodedStruct, DecodedTree, DecodedValue, FoundItem, Scalar, ScalarKind,
};

use super::{Dumped, Match};
use crate::survey::{BlockRow, SectionRow};

/// All of a stream.
#[derive(Serialize)]
pub(super) struct Stream<'a> {
    length: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<Decoded<'a>>,
    page_size: u64,
    sections: Vec<DumpedSection<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ram: Option<&'a [BlockRow]>,
}

#[derive(Serialize)]
struct DumpedSection<'a> {
    #[serde(flatten)]
    row: &'a SectionRow,
    #[serde(flatten)]
    decoded: Option<Decoded<'a>>,
}

/// A payload.
#[derive(Serialize)]
struct Decoded<'a> {
    /// What was decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Structure<'a>>,
    /// What was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Opaque<'a>>,
}

#[derive(Serialize)]
struct Opaque<'a> {
    offset: u64,
    size: usize,
    value: String,
    /// The names of fields that are somewhere in them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct Structure<'a> {
    name: &'a str,
    version: u32,
    /// Of the first field.
    offset: u64,
    size: u64,
    fields: Vec<DumpedField<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subsections: Vec<Self>,
}

#[derive(Serialize)]
struct DumpedField<'a> {
    name: &'a str,
    /// Of the value, or of its first element, in the array that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(rename = "type")]
    type_name: &'a str,
    offset: u64,
    size: u64,
    value: Json<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Json<'a> {
    Flag(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    Words(&'a [u64]),
    Structure(Box<Structure<'a>>),
    List(Vec<Self>),
    Node { key: Box<Self>, value: Box<Self> },
}

/// Single fields.
#[derive(Serialize)]
pub(super) struct Matches<'a> {
    fields: Vec<DumpedMatch<'a>>,
}

#[derive(Serialize)]
struct DumpedMatch<'a> {
    section: &'a str,
    instance_id: u32,
    path: &'a str,
    #[serde(rename = "type")]
    type_name: &'a str,
    offset: u64,
    size: u64,
    value: Json<'a>,
}

pub(super) fn stream<'a>(dumped: &Dumped<'a>) -> Stream<'a> {
    let Dumped { survey, configuration, sections } = *dumped;
    let section = |(row, section): &'a (SectionRow, Option<DecodedSection>)| DumpedSection {
        row,
        decoded: section.as_ref().map(decoded),
    };
    Stream {
        length: survey.length,
        configuration: configuration.map(decoded),
        page_size: survey.page_size,
        sections: sections.iter().map(section).collect(),
        ram: dumped.has_ram().then_some(&survey.ram),
    }
}

pub(super) fn fields<'a>(found: &[Match<'a>]) -> Matches<'a> {
    let dumped = |Match { section, path, found }: &Match<'a>| DumpedMatch {
        section: &section.name,
        instance_id: section.instance_id,
        path,
        type_name: found.type_name,
        offset: found.offset,
        size: found.size,
        value: item(found.item),
    };
    Matches { fields: found.iter().map(dumped).collect() }
}

/// What a path leads to.
pub(crate) fn item(item: FoundItem<'_>) -> Json<'_> {
    match item {
        FoundItem::Scalar(value) => scalar(value),
        FoundItem::Struct(inner) => structure_value(inner),
        FoundItem::Value(value) => json(value),
    }
}

fn decoded(section: &DecodedSection) -> Decoded<'_> {
    Decoded { state: section.state().map(structure), bytes: opaque(section) }
}

fn opaque(section: &DecodedSection) -> Option<Opaque<'_>> {
    let (offset, bytes) = section.opaque()?;
    let names = match section.body {
        DecodedBody::OldStyle(_) => vec![super::OLD_STYLE],
        _ => super::undecoded(section),
    };
    Some(Opaque { offset, size: bytes.len(), value: hex(bytes), names })
}

fn structure(inner: &DecodedStruct) -> Structure<'_> {
    Structure {
        name: &inner.vmsd_name,
        version: inner.version,
        offset: inner.offset,
        size: inner.size(),
        fields: inner.entries().map(|(index, field)| dumped_field(index, field)).collect(),
        subsections: inner.subsections.iter().map(structure).collect(),
    }
}

fn dumped_field(index: Option<u64>, field: &DecodedField) -> DumpedField<'_> {
    DumpedField {
        name: &field.name,
        index,
        type_name: &field.type_name,
        offset: field.offset,
        size: field.size,
        value: json(&field.value),
    }
}

fn json(value: &DecodedValue) -> Json<'_> {
    match value {
        DecodedValue::Scalar(value) => scalar(*value),
        DecodedValue::Scalars(values) => Json::List(values.iter().map(scalar).collect()),
        DecodedValue::Bytes(bytes) | DecodedValue::ByteArray(bytes) | DecodedValue::Capability(bytes) => {
            Json::Text(hex(bytes))
        }
        DecodedValue::Bitmap(words) => Json::Words(words),
        DecodedValue::Struct(inner) => structure_value(inner),
        DecodedValue::List(elements) => Json::List(elements.iter().map(structure_value).collect()),
        DecodedValue::Tree(DecodedTree::Direct(nodes)) => {
            Json::List(nodes.iter().map(|(key, value)| node(Json::Integer((*key).into()), value)).collect())
        }
        DecodedValue::Tree(DecodedTree::Keyed(nodes)) => {
            Json::List(nodes.iter().map(|(key, value)| node(structure_value(key), value)).collect())
        }
        DecodedValue::Array(values) => Json::List(values.iter().map(json).collect()),
    }
}

fn structure_value(inner: &DecodedStruct) -> Json<'_> {
    Json::Structure(Box::new(structure(inner)))
}

fn node<'a>(key: Json<'a>, value: &'a DecodedStruct) -> Json<'a> {
    Json::Node { key: Box::new(key), value: Box::new(structure_value(value)) }
}

/// A number; what JSON has no number for, in hex.
pub(crate) fn scalar<'a>(value: Scalar) -> Json<'a> {
    match (value.kind, value.bits) {
        (ScalarKind::Bool, 0 | 1) => Json::Flag(value.bits == 1),
        (ScalarKind::Double, bits) if f64::from_bits(bits).is_finite() => Json::Float(f64::from_bits(bits)),
        (ScalarKind::Double, bits) => Json::Text(format!("{bits:016x}")),
        _ => Json::Integer(value.integer()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        // A `String` takes everything.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
