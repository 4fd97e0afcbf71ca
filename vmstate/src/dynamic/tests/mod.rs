//! Tests of decoding, encoding and describing, on bytes made by hand and at random.

use vmstate_types::{LoadError, Reader, Writer};

use super::{DecodedBody, DecodedSection, DecodedValue};
use crate::schema::vmdesc::{self, Document};

mod diff;
mod inexact;
mod infos;
mod paths;
mod random;
mod streams;

/// A device with these fields, as its description's text has them.
fn device(fields: &str) -> vmdesc::SentSection {
    device_of(&format!(r#""vmsd_name": "v", "version": 2, "fields": [{fields}]"#))
}

fn device_of(body: &str) -> vmdesc::SentSection {
    let text = format!(r#"{{"page_size": 4096, "devices": [{{"name": "d", "instance_id": 0, {body}}}]}}"#);
    let document = Document::parse(text.as_bytes(), 0).unwrap_or_else(|error| panic!("{text}\n{error}"));
    assert_eq!(document.to_text(), text);
    document.devices.into_iter().next().unwrap()
}

/// A field's entry in a description.
fn one(name: &str, type_name: &str, size: u64) -> String {
    format!(r#"{{"name": "{name}", "type": "{type_name}", "size": {size}}}"#)
}

/// An array's entry.
fn many(name: &str, count: u64, type_name: &str, size: u64) -> String {
    format!(r#"{{"name": "{name}", "array_len": {count}, "type": "{type_name}", "size": {size}}}"#)
}

/// The keys of a struct's description.
fn vmsd(name: &str, fields: &[String]) -> String {
    format!(r#""vmsd_name": "{name}", "version": 1, "fields": [{}]"#, fields.join(", "))
}

/// The entry of a struct, or of an array of structs with a key `place` (`"index": 0, `).
fn nested(name: &str, place: &str, inner: &str, size: u64) -> String {
    format!(r#"{{"name": "{name}", {place}"type": "struct", "struct": {{{inner}}}, "size": {size}}}"#)
}

/// The entry of a field that has the keys of structs among its own.
fn inline(name: &str, type_name: &str, structs: &[&str], size: u64) -> String {
    format!(r#"{{"name": "{name}", "type": "{type_name}", {}, "size": {size}}}"#, structs.join(", "))
}

/// A device with these subsections.
fn device_with(state: &str, subsections: &[String]) -> vmdesc::SentSection {
    let subsections: Vec<_> = subsections.iter().map(|inner| format!("{{{inner}}}")).collect();
    device_of(&format!(r#"{state}, "subsections": [{}]"#, subsections.join(", ")))
}

/// `0a 0b0c` as bytes.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter(|char| !char.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

fn encoded(section: &DecodedSection) -> Vec<u8> {
    let mut out = Writer::new();
    section.encode(&mut out);
    out.take()
}

/// Decodes `bytes` at offset 1000 of a stream, and checks that encoding and describing restores them.
fn decoded(device: &vmdesc::SentSection, bytes: &[u8], end: Option<u64>) -> Result<DecodedSection, LoadError> {
    let mut reader = Reader::from_slice_at(bytes, 1000);
    let section = DecodedSection::decode(device, &mut reader, end)?;
    assert!(reader.at_end()?, "all bytes are read");
    assert_eq!(encoded(&section), bytes);
    assert_eq!(section.describe().as_ref(), Some(device));
    assert_eq!(section.size(), bytes.len() as u64);
    Ok(section)
}

/// Decodes `bytes` by these fields, and checks the same.
fn decoded_fields(fields: &str, bytes: &str) -> DecodedSection {
    let bytes = hex(bytes);
    decoded(&device(fields), &bytes, Some(1000 + bytes.len() as u64))
        .unwrap_or_else(|error| panic!("{fields}\n{error}"))
}

/// The error of decoding `bytes` by these fields, without a known end.
fn refused(fields: &str, bytes: &str) -> LoadError {
    let bytes = hex(bytes);
    DecodedSection::decode(&device(fields), &mut Reader::from_slice_at(&bytes, 1000), None).expect_err(fields)
}

/// The only field's value.
fn value_of(section: &DecodedSection) -> &DecodedValue {
    match &section.body {
        DecodedBody::Described(state) => &state.fields[0].value,
        other => panic!("not described: {other:?}"),
    }
}
