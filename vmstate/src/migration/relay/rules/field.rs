//! Values of fields: conversions, and fields from descriptions and bytes.

use serde_json::Value;
use vmstate_types::{Reader, Writer};

use super::RulesError;
use super::budget::Budget;
use crate::dynamic::{
    DecodedBody, DecodedField, DecodedSection, DecodedStruct, DecodedValue, Scalar, ScalarKind, Scalars,
};
use crate::schema::vmdesc::{Document, SentBody, SentField, SentSection, SentStruct};

/// The most elements of an array that a rule changes.
const MAX_COUNT: u64 = 1 << 20;

/// The keys of fields and structs in a description, in order.
const KEYS: [&str; 10] =
    ["name", "index", "array_len", "type", "struct", "vmsd_name", "version", "fields", "subsections", "size"];
/// The beginning of a description of fields.
const BEGINNING: &str = r#"{"page_size": 4096, "devices": [{"name": "rule", "instance_id": 0, "vmsd_name": "rule",
    "version": 1, "fields": "#;

/// Reads bytes in hexadecimal.
pub(super) fn from_hex(text: &str) -> Result<Vec<u8>, RulesError> {
    let invalid = || RulesError::new("expected an even number of hexadecimal digits");
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    let bytes = pairs.iter().map(byte).collect::<Option<_>>().ok_or_else(invalid)?;
    if rest.is_empty() { Ok(bytes) } else { Err(invalid()) }
}

/// Writes bytes in hexadecimal.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the bytes of fields.
pub(super) fn encoded(fields: &[DecodedField]) -> Vec<u8> {
    let state =
        DecodedStruct { vmsd_name: "".into(), version: 1, offset: 0, fields: fields.to_vec(), subsections: Vec::new() };
    let mut out = Writer::new();
    section(DecodedBody::Described(state)).encode(&mut out);
    out.take()
}

fn section(body: DecodedBody) -> DecodedSection {
    DecodedSection { name: "rule".into(), instance_id: 0, offset: 0, body }
}

/// Describes fields as QEMU does.
pub(super) fn described(fields: &[DecodedField]) -> Vec<Value> {
    let state = DecodedStruct {
        vmsd_name: "rule".into(),
        version: 1,
        offset: 0,
        fields: fields.to_vec(),
        subsections: Vec::new(),
    };
    let devices = section(DecodedBody::Described(state)).describe().into_iter().collect();
    let text = Document { configuration: None, page_size: 4096, devices, extra: Vec::new() }.to_text();
    let mut document: Value = serde_json::from_str(&text).unwrap_or_default();
    match document.pointer_mut("/devices/0/fields").map(Value::take) {
        Some(Value::Array(fields)) => fields,
        _ => Vec::new(),
    }
}

/// Decodes fields by their descriptions.
pub(super) fn decode_fields(fields: &[Value], bytes: &[u8]) -> Result<Vec<DecodedField>, RulesError> {
    let failed = |error: vmstate_types::LoadError| RulesError::new(format!("invalid field: {error}"));
    let mut text = String::from(BEGINNING);
    write_ordered(&mut text, &mut fields.iter().map(|field| (None, field)), ['[', ']']);
    text.push_str("}]}");
    let document = Document::parse(text.as_bytes(), 0).map_err(failed)?;
    let Some(SentSection { body: SentBody::State(SentStruct { fields, .. }), .. }) = document.devices.first() else {
        return Err(RulesError::new("missing fields"));
    };
    let size = fields.iter().map(SentField::wire_size).try_fold(0, |sum: u64, size| sum.checked_add(size?));
    if size != Some(bytes.len() as u64) {
        return Err(RulesError::new(format!("expected the described number of bytes, found {}", bytes.len())));
    }
    let device = document.devices.first().ok_or_else(|| RulesError::new("missing fields"))?;
    let decoded = DecodedSection::decode(device, &mut Reader::from_slice(bytes), None).map_err(failed)?;
    match decoded.body {
        DecodedBody::Described(state) => Ok(state.fields),
        _ => Err(RulesError::new("missing fields")),
    }
}

/// Writes values as JSON, with the keys of a description in QEMU's order, which its parser requires.
fn write_ordered<'v>(
    text: &mut String,
    values: &mut dyn Iterator<Item = (Option<&'v String>, &'v Value)>,
    [open, close]: [char; 2],
) {
    text.push(open);
    for (index, (key, value)) in values.enumerate() {
        text.push_str(if index > 0 { "," } else { "" });
        if let Some(key) = key {
            text.push_str(&Value::from(key.as_str()).to_string());
            text.push(':');
        }
        match value {
            Value::Array(values) => write_ordered(text, &mut values.iter().map(|value| (None, value)), ['[', ']']),
            Value::Object(entries) => {
                let mut entries: Vec<_> = entries.iter().map(|(key, value)| (Some(key), value)).collect();
                entries.sort_by_key(|(key, _)| KEYS.iter().position(|known| key.is_some_and(|key| key == known)));
                write_ordered(text, &mut entries.into_iter(), ['{', '}']);
            }
            other => text.push_str(&other.to_string()),
        }
    }
    text.push(close);
}

/// Changes the type of integers or flags.
pub(super) fn converted(field: &mut DecodedField, type_name: &str) -> Result<(), RulesError> {
    let kind = ScalarKind::from_name(type_name).ok_or_else(|| RulesError::new("unknown type"))?;
    match &mut field.value {
        DecodedValue::Scalar(scalar) => *scalar = fitted(*scalar, kind)?,
        DecodedValue::Scalars(scalars) => {
            let mut bytes = Writer::new();
            for scalar in scalars.iter() {
                let bits = fitted(scalar, kind)?.bits.to_be_bytes();
                bytes.bytes(bits.get(8 - kind.width()..).unwrap_or_default());
            }
            *scalars = Scalars::from_bytes(kind, bytes.take());
        }
        _ => return Err(RulesError::new("expected an integer or a flag")),
    }
    field.type_name = type_name.into();
    Ok(())
}

fn fitted(scalar: Scalar, kind: ScalarKind) -> Result<Scalar, RulesError> {
    let value = scalar.integer();
    let width = 8 * kind.width();
    let range = match kind {
        ScalarKind::Bool | ScalarKind::Marker => 0..=1,
        _ if kind.is_signed() => -(1_i128 << (width - 1))..=(1_i128 << (width - 1)) - 1,
        _ => 0..=(1_i128 << width) - 1,
    };
    let mask = u64::MAX >> (64 - width);
    let bits = u64::try_from(value.rem_euclid(1 << 64)).unwrap_or_default() & mask;
    // A register of 32 bits may have been sent with its sign in 64.
    let sign = (u64::MAX >> (64 - 8 * scalar.kind.width())) & (u64::MAX << (width - 1));
    let is_extended = kind.width() < scalar.kind.width() && kind != ScalarKind::Bool && scalar.bits & sign == sign;
    if !range.contains(&value) && !is_extended {
        return Err(RulesError::new(format!(
            "the value {value} would be lost: expected {} to {}",
            range.start(),
            range.end()
        )));
    }
    Ok(Scalar::new(kind, bits))
}

/// Changes the length of an array or buffer.
pub(super) fn resized(field: &mut DecodedField, count: u64, budget: &mut Budget) -> Result<(), RulesError> {
    let count = usize::try_from(count.min(MAX_COUNT)).unwrap_or(usize::MAX);
    match &mut field.value {
        DecodedValue::Bytes(bytes) => {
            budget.take_bytes(count)?;
            resize(bytes, count, 0, |byte| *byte == 0)
        }
        DecodedValue::Scalars(scalars) => {
            let (kind, mut bytes) = (scalars.kind(), scalars.as_bytes().to_vec());
            budget.take_bytes(count.saturating_mul(kind.width()))?;
            resize(&mut bytes, count.saturating_mul(kind.width()), 0, |byte| *byte == 0)?;
            *scalars = Scalars::from_bytes(kind, bytes);
            Ok(())
        }
        DecodedValue::Array(values) => {
            let mut empty =
                values.first().cloned().ok_or_else(|| RulesError::new("expected an array with elements"))?;
            clear(&mut empty);
            budget.take(&empty, count)?;
            resize(values, count, empty, |value| {
                let mut cleared = value.clone();
                clear(&mut cleared);
                cleared == *value
            })
        }
        _ => Err(RulesError::new("expected an array or a buffer")),
    }
}

fn resize<T: Clone>(
    values: &mut Vec<T>,
    count: usize,
    new: T,
    is_empty: impl Fn(&T) -> bool,
) -> Result<(), RulesError> {
    if !values.iter().skip(count).all(is_empty) {
        return Err(RulesError::new(format!("values after the first {count} elements would be lost")));
    }
    values.resize(count, new);
    Ok(())
}

/// Sets all values to zero.
fn clear(value: &mut DecodedValue) {
    match value {
        DecodedValue::Scalar(scalar) => scalar.bits = 0,
        DecodedValue::Scalars(scalars) => {
            *scalars = Scalars::from_bytes(scalars.kind(), vec![0; scalars.as_bytes().len()]);
        }
        DecodedValue::Bytes(bytes) => bytes.fill(0),
        DecodedValue::Bitmap(words) => words.fill(0),
        DecodedValue::Struct(inner) => inner.fields.iter_mut().for_each(|field| clear(&mut field.value)),
        DecodedValue::Array(values) => values.iter_mut().for_each(clear),
        _ => {}
    }
}
