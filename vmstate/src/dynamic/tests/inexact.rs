//! Tests of QEMU's inexact descriptions, and of wrong descriptions.

use super::super::{DecodedBody, DecodedSection};
use super::{decoded, device, device_with, hex, many, nested, one, vmsd};
use crate::Reader;

/// Decodes `bytes` up to their end by inexact fields, and returns the number of certain fields and of remaining bytes.
fn certain(fields: &[String], bytes: &str) -> (usize, usize) {
    let (fields, bytes) = (fields.join(", "), hex(bytes));
    let end = 1000 + bytes.len() as u64;
    let section = decoded(&device(&fields), &bytes, Some(end)).unwrap_or_else(|error| panic!("{fields}\n{error}"));
    match &section.body {
        DecodedBody::Partly(state, rest) => (state.fields.len(), usize::try_from(rest.offset - 1000).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn exact(fields: &[String], bytes: &str) -> DecodedSection {
    let bytes = hex(bytes);
    let section = decoded(&device(&fields.join(", ")), &bytes, Some(1000 + bytes.len() as u64)).unwrap();
    assert!(matches!(section.body, DecodedBody::Described(_)));
    section
}

fn wrong(fields: &[String], bytes: &str) -> String {
    let (fields, bytes) = (fields.join(", "), hex(bytes));
    let mut reader = Reader::from_slice_at(&bytes, 1000);
    let error =
        DecodedSection::decode(&device(&fields), &mut reader, Some(1000 + bytes.len() as u64)).expect_err(&fields);
    assert_eq!(error.offset(), Some(1000));
    format!("{} / {}", error.expected(), error.found())
}

fn a() -> String {
    one("a", "uint16", 2)
}

fn z() -> String {
    one("z", "uint8", 1)
}

/// Returns QEMU 7.2's description of three pointers whose first pointer is NULL.
fn null() -> String {
    r#"{"name": "p", "array_len": 3, "type": "struct", "struct": {}, "size": 1}"#.into()
}

fn image(place: &str) -> String {
    nested("p", place, &vmsd("i", &[one("x", "uint32", 4)]), 4)
}

const THREE: &str = r#""array_len": 3, "#;

#[test]
fn null_pointers_are_certain() {
    let section = exact(&[a(), null(), z()], "0102 303030 07");
    assert_eq!(section.get("p[2]").unwrap().item.to_string(), "NULL");
    let section = exact(&[a(), many("p", 3, "int32", 1), z()], "0102 303030 07");
    assert_eq!(section.get("z").unwrap().item.to_string(), "7");
    exact(&[null().replace("\"array_len\": 3", "\"index\": 0")], "30");
}

#[test]
fn leading_null_pointer_ends_the_certain_part() {
    assert_eq!(certain(&[a(), null(), z()], "0102 30 00000007 30 07"), (1, 2));
    let error =
        DecodedSection::decode(&device(&null()), &mut Reader::from_slice(&hex("30 00000007 30")), None).unwrap_err();
    assert!(error.advice().is_some_and(|advice| advice.contains("end must be known")), "{error}");
}

#[test]
fn later_null_pointer_ends_the_certain_part() {
    assert_eq!(certain(&[a(), image(THREE), z()], "0102 00000007 30 00000008 07"), (1, 2));
    assert_eq!(certain(&[a(), many("p", 3, "int32", 4), z()], "0102 00000007 30 30 07"), (1, 2));
}

#[test]
fn runs_of_pointers_end_the_certain_part() {
    // QEMU 10 splits the array; this one is exact.
    let last = one("p", "nullptr", 1);
    let section = exact(&[a(), many("p", 2, "nullptr", 1), image(""), last.clone(), z()], "0102 3030 00000007 30 08");
    assert_eq!(section.get("p[1]").unwrap().item.to_string(), "NULL");
    assert_eq!(section.get("p[2].x").unwrap().item.to_string(), "7");
    assert_eq!(section.get("p[3]").unwrap().offset, 1008);
    assert_eq!(section.get("p[4]"), None);
    let paths: Vec<_> = section.leaves().into_iter().map(|leaf| leaf.path).collect();
    assert_eq!(paths, ["a", "p[0..2]", "p[2].x", "p[3]", "z"]);

    // Its first run gets the length of the whole array; its last element, if it is another run, is not described.
    assert_eq!(certain(&[a(), image(THREE), last, z()], "0102 00000007 00000008 30 09"), (1, 2));
    assert_eq!(certain(&[a(), many("p", 2, "nullptr", 1), z()], "0102 3030 00000007 09"), (1, 2));
}

#[test]
fn counted_array_in_element_is_inexact() {
    let inner = vmsd("v", &[one("n", "uint8", 1), many("data", 2, "uint8", 1)]);
    let array = nested("v", r#""array_len": 2, "#, &inner, 3);
    let outer = nested("o", "", &vmsd("o", std::slice::from_ref(&array)), 6);
    for field in [array, outer] {
        assert_eq!(certain(&[a(), field, z()], "0102 02 0708 03 070809 07"), (1, 2));
    }
}

#[test]
fn inexact_subsection_keeps_the_fields() {
    let device = device_with(&vmsd("v", &[a()]), &[vmsd("v/a", &[z()]), vmsd("v/b", &[null()])]);
    let bytes = hex("0102 05 03 762f61 00000001 07 05 03 762f62 00000001 30 00000007 30");
    let section = decoded(&device, &bytes, Some(1000 + bytes.len() as u64)).unwrap();
    let DecodedBody::Partly(state, rest) = &section.body else { panic!("{section:?}") };
    assert_eq!((state.fields.len(), state.subsections.len(), rest.offset), (1, 1, 1012));
    assert_eq!((rest.fields.len(), rest.subsections.len()), (0, 1));
}

#[test]
fn unexplained_difference_is_an_error() {
    assert_eq!(wrong(&[a()], "0102 03"), "2 bytes, as the stream describes them / 3 to the footer");
    assert_eq!(wrong(&[a(), z()], "0102"), "3 bytes, as the stream describes them / 2 to the footer");
    // Not a whole number of NULLs; more of them than elements after the first; none among the bytes; too many bytes.
    wrong(&[image(THREE)], "30303030 30303030 3030");
    wrong(&[image(THREE)], "30 3030");
    wrong(&[image(THREE)], "00000007 00000008 09");
    wrong(&[image(THREE)], "00000007 00000008 00000009 30");
    wrong(&[null()], "00 00 00 00");
    // Elements of one byte, and more of them than bytes.
    wrong(&[many("f", 3, "uint8", 1)], "3030");
    wrong(&[nested("v", r#""array_len": 9, "#, &vmsd("v", &[one("b", "buffer", 1)]), 1)], "30 30");
}

#[test]
fn contradiction_is_not_inexactness() {
    assert!(wrong(&[a(), null(), one("z", "uint8", 8)], "0102 30 00000007 30 07").starts_with("a size of 1"));
}
