//! Tests of comparing devices' states.

use super::{decoded, decoded_fields, device, device_with, hex, inline, many, nested, one, vmsd};
use crate::Reader;
use crate::dynamic::diff::{FieldChange, FieldDifference, Snapshot, StateDifference, compare, compare_sections};
use crate::dynamic::{DecodedSection, FoundItem};
use crate::schema::vmdesc::{Document, Name};

mod memory;

/// A difference in a line.
fn line(FieldDifference { path, change }: &FieldDifference<'_>) -> String {
    match change {
        FieldChange::Value { old, new } => format!("{path}: {} -> {}", old.item, new.item),
        FieldChange::Elements(elements) => {
            let (old, new) = (elements.old.len(), elements.new.len());
            format!("{path}: {:?} of {old} -> {new}", elements.changed)
        }
        FieldChange::Added(new) => format!("+{path}: {}", new.item),
        FieldChange::Removed(old) => format!("-{path}: {}", old.item),
    }
}

fn lines(old: &DecodedSection, new: &DecodedSection) -> Vec<String> {
    assert_eq!(compare_sections(old, old), []);
    assert_eq!(compare_sections(new, new), []);
    compare_sections(old, new).iter().map(line).collect()
}

/// Returns the differences between two payloads of the same fields.
fn between(fields: &str, old: &str, new: &str) -> Vec<String> {
    lines(&decoded_fields(fields, old), &decoded_fields(fields, new))
}

#[test]
fn values_have_their_types() {
    let fields = [
        one("a", "bool", 1),
        one("b", "int16", 2),
        one("c", "timer", 8),
        one("d", "uint8", 1),
        one("e", "capability", 3),
    ];
    assert_eq!(
        between(&fields.join(", "), "00 ffff ffffffffffffffff 07 026162", "01 0010 0000000000000100 07 026163"),
        ["a: false -> true", "b: -1 (0xffff) -> 16 (0x10)", "c: disarmed -> 256 ns", "e: \"ab\" -> \"ac\""]
    );
    let (narrow, wide) =
        (decoded_fields(&one("a", "uint16", 2), "0007"), decoded_fields(&one("a", "uint32", 4), "00000007"));
    let differences = compare_sections(&narrow, &wide);
    let [FieldDifference { change: FieldChange::Value { old, new }, .. }] = differences.as_slice() else { panic!() };
    assert_eq!((old.type_name, old.offset, old.size), ("uint16", 1000, 2));
    assert_eq!((new.type_name, new.offset, new.size), ("uint32", 1000, 4));
}

#[test]
fn arrays_are_summarised() {
    let fields = [many("a", 8, "uint16", 2), one("b", "buffer", 4), one("c", "bitmap", 8)];
    let old = "0000 0001 0002 0003 0004 0005 0006 0007  0a0b0c0d  0000000000000001";
    let new = "0000 0009 0009 0003 0004 0005 0006 0009  0a0b0c0e  8000000000000001";
    assert_eq!(
        between(&fields.join(", "), old, new),
        ["a: [1..3, 7..8] of 8 -> 8", "b: [3..4] of 4 -> 4", "c: [63..64] of 64 -> 64"]
    );
    let (short, long) = (many("a", 2, "uint8", 1), many("a", 4, "uint8", 1));
    let sections = (decoded_fields(&short, "0102"), decoded_fields(&long, "01030405"));
    assert_eq!(lines(&sections.0, &sections.1), ["a: [1..4] of 2 -> 4"]);
    let differences = compare_sections(&sections.0, &sections.1);
    let [FieldDifference { change: FieldChange::Elements(elements), .. }] = differences.as_slice() else { panic!() };
    let bits: Vec<_> =
        elements.iter().map(|(index, old, new)| (index, old.map(|o| o.bits), new.map(|n| n.bits))).collect();
    assert_eq!(bits, [(1, Some(2), Some(3)), (2, None, Some(4)), (3, None, Some(5))]);
    assert_eq!(
        (elements.count(), elements.clone().only(&[0]), elements.clone().only(&[3]).unwrap().count()),
        (3, None, 1)
    );
}

#[test]
fn description_of_array_makes_no_difference() {
    let indexed =
        |index: u64, value: &str| format!(r#"{{"name": "a", "index": {index}, "type": "uint8", "size": {value}}}"#);
    let runs = format!("{}, {}", many("a", 2, "uint8", 1), one("a", "uint8", 1));
    let (whole, split) = (decoded_fields(&many("a", 3, "uint8", 1), "010203"), decoded_fields(&runs, "010203"));
    assert_eq!(lines(&whole, &split), Vec::<String>::new());
    let apart = decoded_fields(&[indexed(0, "1"), indexed(1, "1"), indexed(2, "1")].join(", "), "010903");
    assert_eq!(lines(&whole, &apart), ["a: [1..2] of 3 -> 3"]);
    // An index out of order begins another array, and does not allocate memory.
    let wild = decoded_fields(&[indexed(u64::MAX, "1"), indexed(7, "1"), indexed(0, "1")].join(", "), "010203");
    assert_eq!(lines(&whole, &wild).len(), 3);
}

#[test]
fn added_and_removed_fields_are_listed() {
    let inner = vmsd("n", &[one("x", "bool", 1)]);
    let other = inner.replace("\"version\": 1", "\"version\": 2");
    let old_fields = [one("a", "bool", 1), one("b", "bool", 1), nested("s", "", &inner, 1)];
    let new_fields = [one("n", "bool", 1), one("b", "bool", 1), nested("s", "", &other, 1)];
    let subsection = |name: &str| vmsd(name, &[one("b", "bool", 1)]);
    let section = |fields: &[String], name: &str, bytes: &str| {
        let device = device_with(&vmsd("v", fields), &[subsection(name), subsection("v/z")]);
        let header =
            |name: &str| format!("05 03 {} 00000001", name.bytes().map(|b| format!("{b:02x}")).collect::<String>());
        let bytes = hex(&format!("{bytes} {} 01 {} 00", header(name), header("v/z")));
        decoded(&device, &bytes, None).unwrap()
    };
    let (old, new) = (section(&old_fields, "v/a", "00 00 00"), section(&new_fields, "v/b", "01 01 01"));
    assert_eq!(
        lines(&old, &new),
        [
            "+n: true",
            "-a: false",
            "b: false -> true",
            "s: n (version 1) -> n (version 2)",
            "s.x: false -> true",
            "+v/b: v/b (version 1)",
            "-v/a: v/a (version 1)",
        ]
    );
    // A field of a subsection that another hides has the subsection's name in its path.
    let changed = hex("00 00 00 05 03 762f61 00000001 01 05 03 762f7a 00000001 01");
    let device = device_with(&vmsd("v", &old_fields), &[subsection("v/a"), subsection("v/z")]);
    let new = decoded(&device, &changed, None).unwrap();
    assert_eq!(lines(&old, &new), ["v/z.b: false -> true"]);
    assert_eq!(new.get("v/z.b").unwrap().offset, 1000 + changed.len() as u64 - 1);
}

#[test]
fn lists_are_paired_by_index_and_trees_by_key() {
    let node = vmsd("n", &[one("x", "uint8", 1)]);
    let list = |count: usize| inline("q", "qlist", &vec![node.as_str(); count], 2 * count as u64 + 1);
    let (one_node, two_nodes) = (decoded_fields(&list(1), "01 07 00"), decoded_fields(&list(2), "01 08 01 09 00"));
    assert_eq!(lines(&one_node, &two_nodes), ["q[0].x: 7 -> 8", "+q[1]: n (version 1)"]);
    let tree = |count: usize| inline("t", "gtree", &vec![node.as_str(); count], 10 * count as u64 + 5);
    let old = decoded_fields(&tree(2), "00000002  01 0000000000000003 07  01 0000000000000005 08  00");
    let new = decoded_fields(&tree(2), "00000002  01 0000000000000005 09  01 0000000000000006 08  00");
    assert_eq!(lines(&old, &new), ["-t[0].value: n (version 1)", "t[1].value.x: 8 -> 9", "+t[1].value: n (version 1)"]);
}

#[test]
fn bytes_without_fields_are_compared_as_bytes() {
    let bytes = |bytes: &[u8]| DecodedSection::undescribed("x", 0, 10, bytes.to_vec());
    assert_eq!(lines(&bytes(b"abc"), &bytes(b"abXY")), [": [2..4] of 3 -> 4"]);
    let described = DecodedSection { offset: 10, ..decoded_fields(&one("a", "uint16", 2), "6163") };
    assert_eq!(lines(&described, &bytes(b"ab")), [": [1..2] of 2 -> 2"]);
    assert_eq!(lines(&described, &bytes(b"ac")), Vec::<String>::new());
    // The second of two pointers is NULL, which the description does not contain.
    let struct_of_two = nested("s", r#""array_len": 2, "#, &vmsd("n", &[one("x", "uint16", 2)]), 2);
    let fields = device(&format!("{}, {struct_of_two}", one("a", "uint8", 1)));
    let partly = |text: &str| {
        let bytes = hex(text);
        decoded(&fields, &bytes, Some(1000 + bytes.len() as u64)).unwrap()
    };
    assert_eq!(lines(&partly("01 0002 30"), &partly("02 0003 30")), ["a: 1 -> 2", ": [1..2] of 3 -> 3"]);
    // Fields cannot be compared if only one description is exact.
    assert_eq!(lines(&partly("01 0002 30"), &partly("01 0002 0004")), [": [3..5] of 4 -> 5"]);
}

#[test]
fn sections_are_found_by_name_and_instance() {
    let text = concat!(
        r#"{"page_size": 4096, "devices": [{"name": "x", "instance_id": 0, "vmsd_name": "x", "version": 1, "#,
        r#""fields": [{"name": "a", "type": "uint8", "size": 1}]}]}"#,
    );
    let description = Document::parse(text.as_bytes(), 0).unwrap();
    let section = |instance_id: u32, byte: u8| {
        let decoded = DecodedSection::decode(&description.devices[0], &mut Reader::from_slice(&[byte]), None).unwrap();
        DecodedSection { instance_id, ..decoded }
    };
    let side = |sections: &[(u32, u32, u8)]| {
        let mut snapshot = Snapshot::default();
        sections.iter().for_each(|&(version, instance_id, byte)| snapshot.add(version, section(instance_id, byte)));
        snapshot
    };
    // The order does not matter, the version does.
    let (old, new) = (side(&[(1, 0, 1), (1, 1, 2), (1, 2, 3)]), side(&[(1, 3, 4), (2, 1, 2), (1, 0, 9)]));
    let shown: Vec<_> = compare(&old, &new)
        .map(|difference| match difference {
            StateDifference::Section(section) => {
                let name: Name = section.name.into();
                let sides = (section.old.is_some(), section.new.is_some());
                (name, section.instance_id, sides, section.versions(), section.fields.iter().map(line).collect())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let none = Vec::<String>::new;
    let name: Name = "x".into();
    assert_eq!(
        shown,
        [
            (name.clone(), 3, (false, true), None, none()),
            (name.clone(), 0, (true, true), None, vec!["a: 1 -> 9".to_owned()]),
            (name.clone(), 1, (true, true), Some((1, 2)), none()),
            (name, 2, (true, false), None, none()),
        ]
    );
}

#[test]
fn struct_values_are_items() {
    let inner = vmsd("n", &[one("x", "bool", 1)]);
    let (none, some) = (decoded_fields("", ""), decoded_fields(&nested("s", "", &inner, 1), "01"));
    let differences = compare_sections(&none, &some);
    let [FieldDifference { change: FieldChange::Added(found), .. }] = differences.as_slice() else { panic!() };
    assert!(matches!(found.item, FoundItem::Struct(inner) if &*inner.vmsd_name == "n") && found.size == 1);
}
