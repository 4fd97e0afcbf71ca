//! The limits of descriptions.

use super::*;
use crate::schema::vmdesc::{Nested, SentBody, SentField, SentStruct};

fn structure(fields: Vec<SentField>) -> SentStruct {
    SentStruct { vmsd_name: "s".into(), version: 1, fields, subsections: Vec::new() }
}

fn field(type_name: &str, array: ArrayPart, nested: Nested, size: u64) -> SentField {
    SentField { name: "f".into(), array, type_name: type_name.into(), nested, size }
}

fn decode(state: SentStruct, payload: &[u8]) -> Result<DecodedSection, LoadError> {
    let device = SentSection { name: "s".into(), instance_id: 0, body: SentBody::State(state) };
    DecodedSection::decode(&device, &mut Reader::from_slice(payload), None)
}

#[test]
fn structs_are_at_most_64_levels_deep() {
    for (levels, is_decoded) in [(64, true), (65, false)] {
        let inner = structure(vec![field("uint8", ArrayPart::None, Nested::None, 1)]);
        let outer = |inner| structure(vec![field("struct", ArrayPart::None, Nested::Struct(inner), 1)]);
        let state = (1..levels).fold(inner, |inner, _| outer(inner));
        assert_eq!(decode(state, &[7]).is_ok(), is_decoded, "{levels}");
    }
}

/// Returns the limit that an array of `count` structs without fields exceeds.
fn exceeded(count: u64) -> Option<String> {
    let array = field("struct", ArrayPart::Len(count), Nested::Struct(structure(Vec::new())), 0);
    decode(structure(vec![array]), &[]).err().map(|error| error.expected().to_owned())
}

#[test]
fn nodes_without_bytes_are_limited() {
    // The description has three nodes. The section has two, and two for each element.
    assert_eq!(exceeded(514), None);
    let free = Some("at most 1030 fields and elements in 0 bytes".to_owned());
    assert_eq!(exceeded(515), free);
    assert_eq!(exceeded((1 << 20) - 2), free);
    assert_eq!(exceeded((1 << 20) - 1), Some("at most 1048576 fields and elements".to_owned()));
}

#[test]
fn markers_of_pointers_have_two_values() {
    for (byte, is_decoded) in [(b'0', true), (b'1', true), (b'2', false), (0, false)] {
        let state = structure(vec![field("nullptr", ArrayPart::None, Nested::None, 1)]);
        assert_eq!(decode(state, &[byte]).is_ok(), is_decoded, "{byte}");
    }
}
