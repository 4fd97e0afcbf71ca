//! Packaged streams, which contain sections.

use vmstate::stream::Command;

use super::*;

/// Returns the command PACKAGED and its stream.
fn package(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    [&[0x08, 0, 7, 0, 4][..], &length.to_be_bytes(), content].concat()
}

/// Packages within each other, `depth` of them, around a section.
fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold([full(1), footer(1)].concat(), |content, _| package(&content))
}

fn packaged(length: usize) -> StreamItem {
    StreamItem::Command(Command::Packaged { length: u32::try_from(length).unwrap() })
}

#[test]
fn sections_in_packages_are_read() {
    let content = nested(1);
    let bytes = stream(&[&package(&content), &full(2), &footer(2), &[0]]);
    let items = walk(&bytes).unwrap().items;
    let [
        outer,
        inner,
        StreamItem::Section(section),
        StreamItem::PackageEnd,
        StreamItem::PackageEnd,
        StreamItem::Section(_),
    ] = &items[..]
    else {
        panic!("{items:?}")
    };
    assert_eq!((outer, inner), (&packaged(content.len()), &packaged(content.len() - 9)));
    assert_eq!((section.section_id, section.offset), (1, 8 + 9 + 9));
}

#[test]
fn empty_package_ends_at_once() {
    let items = walk(&stream(&[&package(&[]), &[0]])).unwrap().items;
    assert_eq!(items, [packaged(0), StreamItem::PackageEnd]);
}

#[test]
fn end_mark_in_package_ends_only_the_package() {
    let content = [full(1), footer(1), vec![0]].concat();
    let items = walk(&stream(&[&package(&content), &full(2), &footer(2), &[0]])).unwrap().items;
    assert!(
        matches!(&items[..], [_, StreamItem::Section(_), StreamItem::PackageEnd, StreamItem::Section(_)]),
        "{items:?}"
    );
}

#[test]
fn early_end_of_package_is_rejected() {
    let content = [full(1), footer(1), vec![0, 0]].concat();
    let bytes = stream(&[&package(&content), &[0]]);
    let end = 8 + 9 + content.len();
    refusal(&bytes, Blame::Bytes, end - 2, &format!("the package's end at {end:#x}"), "an end before it");
}

#[test]
fn package_depth_is_limited() {
    assert!(walk(&stream(&[&nested(4), &[0]])).is_ok());
    let content = nested(5);
    let bytes = stream(&[&content, &[0]]);
    refusal(&bytes, Blame::Bytes, 8 + 4 * 9 + 1, "at most 4 nested packages", "another package");
}

#[test]
fn package_beyond_outer_package_is_rejected() {
    let mut inner = nested(1);
    inner[8] += 1;
    let bytes = stream(&[&package(&inner), &[0]]);
    let end = 8 + 9 + inner.len();
    let expected = format!("the end of the package at or before {end:#x}, the end of the outer package");
    refusal(&bytes, Blame::Bytes, 8 + 9 + 1, &expected, &format!("an end at {:#x}", end + 1));
}

#[test]
fn section_beyond_package_is_rejected() {
    let content = [full(1), footer(1)].concat();
    for length in 1..content.len() {
        let mut bytes = stream(&[&package(&content), &[0]]);
        bytes[8 + 8] = u8::try_from(length).unwrap();
        let end = 8 + 9 + length;
        let expected = format!("the end of the section before the end of its package at {end:#x}");
        refusal(&bytes, Blame::Bytes, end, &expected, "a longer section");
    }
}

#[test]
fn oversized_package_is_rejected() {
    let mut bytes = stream(&[&package(&[full(1), footer(1)].concat())]);
    bytes[13..17].copy_from_slice(&[0xff; 4]);
    let error = walk(&bytes).unwrap_err();
    assert_eq!((error.is_truncated(), error.offset()), (true, Some(bytes.len() as u64)), "{error}");
}
