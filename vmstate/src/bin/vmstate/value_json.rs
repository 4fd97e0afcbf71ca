//! Decoded values as JSON, for `vmstate dump` and `vmstate diff`. Integers are exact, bytes are hexadecimal text.

use std::fmt::Write;

use serde::Serialize;
use vmstate::dynamic::{DecodedField, DecodedStruct, DecodedTree, DecodedValue, Found, FoundItem, Scalar, ScalarKind};

/// A value with its type and its place in the stream.
#[derive(Serialize)]
pub(crate) struct Located<'a> {
    #[serde(rename = "type")]
    type_name: &'a str,
    offset: u64,
    size: u64,
    value: Json<'a>,
}

impl<'a> Located<'a> {
    pub(crate) fn from_found(found: &Found<'a>) -> Self {
        let Found { type_name, offset, size, item: value, .. } = *found;
        Self { type_name, offset, size, value: item(value) }
    }

    fn from_field(field: &'a DecodedField) -> Self {
        let DecodedField { type_name, offset, size, value, .. } = field;
        Self { type_name, offset: *offset, size: *size, value: json(value) }
    }
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

#[derive(Serialize)]
pub(crate) struct Structure<'a> {
    name: &'a str,
    version: u32,
    /// The stream offset of the first field.
    offset: u64,
    size: u64,
    fields: Vec<NamedField<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subsections: Vec<Self>,
}

#[derive(Serialize)]
struct NamedField<'a> {
    name: &'a str,
    /// The array index of the value or of its first element.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(flatten)]
    value: Located<'a>,
}

pub(crate) fn structure(inner: &DecodedStruct) -> Structure<'_> {
    let field = |(index, field): (Option<u64>, _)| named_field(index, field);
    Structure {
        name: &inner.vmsd_name,
        version: inner.version,
        offset: inner.offset,
        size: inner.size(),
        fields: inner.entries().map(field).collect(),
        subsections: inner.subsections.iter().map(structure).collect(),
    }
}

fn named_field(index: Option<u64>, field: &DecodedField) -> NamedField<'_> {
    NamedField { name: &field.name, index, value: Located::from_field(field) }
}

fn item(item: FoundItem<'_>) -> Json<'_> {
    match item {
        FoundItem::Scalar(value) => scalar(value),
        FoundItem::Struct(inner) => structure_value(inner),
        FoundItem::Value(value) => json(value),
        other => Json::Text(other.to_string()),
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
        DecodedValue::Tree(tree) => self::tree(tree),
        DecodedValue::Array(values) => Json::List(values.iter().map(json).collect()),
        other => Json::Text(other.to_string()),
    }
}

fn tree(tree: &DecodedTree) -> Json<'_> {
    Json::List(match tree {
        DecodedTree::Direct(nodes) => {
            nodes.iter().map(|(key, value)| node(Json::Integer((*key).into()), value)).collect()
        }
        DecodedTree::Keyed(nodes) => nodes.iter().map(|(key, value)| node(structure_value(key), value)).collect(),
        _ => Vec::new(),
    })
}

fn structure_value(inner: &DecodedStruct) -> Json<'_> {
    Json::Structure(Box::new(structure(inner)))
}

fn node<'a>(key: Json<'a>, value: &'a DecodedStruct) -> Json<'a> {
    Json::Node { key: Box::new(key), value: Box::new(structure_value(value)) }
}

/// A number. NaN and infinities, which JSON lacks, become hexadecimal text.
pub(crate) fn scalar<'a>(value: Scalar) -> Json<'a> {
    match (value.kind, value.bits) {
        (ScalarKind::Bool, 0 | 1) => Json::Flag(value.bits == 1),
        (ScalarKind::Double, bits) if f64::from_bits(bits).is_finite() => Json::Float(f64::from_bits(bits)),
        (ScalarKind::Double, bits) => Json::Text(format!("{bits:016x}")),
        _ => Json::Integer(value.integer()),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
