//! Tests of every info type, and of descriptions that contradict the bytes.

use super::super::{DecodedBody, DecodedSection, DecodedTree, DecodedValue, ScalarKind};
use super::{
    decoded, decoded_fields, device, device_of, device_with, encoded, hex, inline, many, nested, one, refused,
    value_of, vmdesc, vmsd,
};
use crate::Reader;

/// A struct of two bytes.
fn node() -> String {
    vmsd("n", &[one("f", "bool", 1), one("x", "uint8", 1)])
}

#[test]
fn single_values_decode_by_info_type() {
    for (type_name, bytes, shown) in [
        ("bool", "01", "true"),
        ("bool", "00", "false"),
        ("bool", "82", "true (0x82)"),
        ("int8", "bf", "-65 (0xbf)"),
        ("int16", "fe00", "-512 (0xfe00)"),
        ("int32", "fffeee90", "-70000 (0xfffeee90)"),
        ("int32 equal", "00000007", "7"),
        ("int32 le", "00000010", "16 (0x10)"),
        ("int64", "ffffffffff470b84", "-12121212 (0xffffffffff470b84)"),
        ("int64 equal", "ffffffffffffffff", "18446744073709551615 (0xffffffffffffffff)"),
        ("uint8", "82", "130 (0x82)"),
        ("uint8 equal", "09", "9"),
        ("uint16 equal", "0200", "512 (0x200)"),
        ("uint32", "00011170", "70000 (0x11170)"),
        ("uint64", "0000000000b8f47c", "12121212 (0xb8f47c)"),
        ("CPU_Double_U", "3ff8000000000000", "1.5 (0x3ff8000000000000)"),
        ("timer", "ffffffffffffffff", "disarmed"),
        ("timer", "00000000000003e8", "1000 ns"),
        ("nullptr", "30", "NULL"),
        ("ptr-marker", "31", "pointer (0x31)"),
        ("buffer", "6162630000", "5 bytes, \"abc\""),
        ("buffer", "", "0 bytes"),
        ("unused_buffer", "000000", "3 bytes, all 00"),
        ("sreg", "81", "1 byte: 81"),
        ("fd", "", "0 bytes"),
        ("bitmap", "8000000000000001 0000000000000002", "3 of 128 bits set: 0, 63, 65"),
        ("GByteArray", "00000003 0a0b0c", "3 bytes: 0a 0b 0c"),
        ("capability", "03 616263", "\"abc\""),
    ] {
        let size = hex(bytes).len() as u64;
        let section = decoded_fields(&one("f", type_name, size), bytes);
        let found = section.get("f").unwrap();
        assert_eq!((found.item.to_string().as_str(), found.type_name), (shown, type_name));
        assert_eq!((found.offset, found.size), (1000, size));
    }
}

#[test]
fn arrays_of_single_values_stay_compact() {
    let section = decoded_fields(&many("f", 3, "uint16", 2), "0042 0043 0044");
    assert!(
        matches!(value_of(&section), DecodedValue::Scalars(values) if values.kind() == ScalarKind::Uint16 && values.len() == 3)
    );
    assert_eq!(section.get("f").unwrap().item.to_string(), "[0x42, 0x43, 0x44]");
    let found = section.get("f[2]").unwrap();
    assert_eq!((found.item.to_string().as_str(), found.offset, found.size), ("68 (0x44)", 1004, 2));
    let section = decoded_fields(&many("f", 4, "bool", 1), "00000000");
    assert_eq!(section.get("f").unwrap().item.to_string(), "4 x false");
    // An info that only the device knows.
    let section = decoded_fields(&many("f", 2, "avr", 3), "010203 040506");
    assert_eq!(section.get("f[1]").unwrap().offset, 1003);
}

#[test]
fn nested_structs_decode() {
    let node = node();
    for fields in [nested("f", "", &node, 2), inline("f", "vstruct", &[&node], 2), inline("f", "tmp", &[&node], 2)] {
        let section = decoded_fields(&fields, "0182");
        assert_eq!(section.get("f.x").unwrap().item.to_string(), "130 (0x82)");
        assert_eq!(section.get("f").unwrap().item.to_string(), "n (version 1)");
    }
    // QEMU 10 does not number the last element.
    let numbered = [nested("f", r#""index": 0, "#, &node, 2), nested("f", "", &node, 2)].join(", ");
    assert_eq!(decoded_fields(&numbered, "0182 0041").get("f[1].x").unwrap().offset, 1003);
    let all = nested("f", r#""array_len": 2, "#, &node, 2);
    assert_eq!(decoded_fields(&all, "0182 0041").get("f[1].x").unwrap().offset, 1003);
}

#[test]
fn lists_decode() {
    let node = node();
    let fields = |list| [one("i", "int16", 2), list, one("j", "int32", 4)].join(", ");
    let two = fields(inline("q", "qtailq", &[&node, &node], 7));
    let mut section = decoded_fields(&two, "fe00 01 01 82 01 00 41 00 00011170");
    assert_eq!(section.get("q[1].x").unwrap().item.to_string(), "65 (0x41)");
    assert_eq!(section.get("q[1].x").unwrap().offset, 1000 + 7);
    assert_eq!(section.get("q").unwrap().item.to_string(), "2 elements");

    // A changed value changes the bytes and the description.
    let DecodedBody::Described(state) = &mut section.body else { panic!() };
    let DecodedValue::List(elements) = &mut state.fields[1].value else { panic!() };
    elements.pop();
    assert_eq!(encoded(&section), hex("fe00 01 01 82 00 00011170"));
    assert_eq!(section.describe(), Some(device(&fields(inline("q", "qtailq", &[&node], 4)))));

    decoded_fields(&one("q", "qlist", 1), "00");
}

#[test]
fn trees_decode() {
    let key = vmsd("k", &[one("low", "uint64", 8), one("high", "uint64", 8)]);
    let value = vmsd("m", &[one("phys", "uint64", 8), one("flags", "uint32", 4)]);
    let keyed = |name| inline(name, "gtree", &[&key, &value, &key, &value], 63);
    let nodes = "00000002 01 0000000000001000 0000000000001fff 000000000000a000 00000001
                 01 0000000000004000 0000000000004fff 00000000000e0000 00000002 00";
    let section = decoded_fields(&keyed("t"), nodes);
    assert!(matches!(value_of(&section), DecodedValue::Tree(DecodedTree::Keyed(nodes)) if nodes.len() == 2));
    assert_eq!(section.get("t[1].key.high").unwrap().item.to_string(), "20479 (0x4fff)");
    assert_eq!(section.get("t[1].value.flags").unwrap().item.to_string(), "2");

    let direct = inline("t", "gtree", &[&vmsd("d", &[keyed("domain")])], 77);
    let section = decoded_fields(&direct, &format!("00000001 01 0000000000000005 {nodes} 00"));
    assert_eq!(section.get("t[0].key").unwrap().item.to_string(), "5");
    assert_eq!(section.get("t[0].key").unwrap().offset, 1005);
    assert_eq!(section.get("t[0].value.domain[0].key.low").unwrap().item.to_string(), "4096 (0x1000)");

    decoded_fields(&one("t", "gtree", 5), "00000000 00");
}

#[test]
fn subsections_decode() {
    let state = vmsd("dev", &[one("f", "uint8", 1)]);
    let with = |name: &str| device_with(&state, &[vmsd(name, &[one("extra", "uint16", 2)])]);
    let bytes = hex("07 05 09 6465762f6578747261 00000001 beef");
    let section = decoded(&with("dev/extra"), &bytes, None).unwrap();
    assert_eq!(section.get("extra").unwrap().item.to_string(), "48879 (0xbeef)");
    assert_eq!(section.get("dev/extra.extra"), section.get("extra"));
    assert_eq!(section.get("dev.f").unwrap().offset, 1000);

    let fails = |bytes: &str, name: &str| {
        DecodedSection::decode(&with(name), &mut Reader::from_slice_at(&hex(bytes), 1000), None).unwrap_err()
    };
    let error = fails("07 05 09 6465762f6578747261 00000003 beef", "dev/extra");
    assert_eq!((error.subsection(), error.offset()), (Some("dev/extra"), Some(1001)));
    assert_eq!(error.expected(), "subsection \"dev/extra\" at version 1, as described");
    assert_eq!(error.found(), "\"dev/extra\" at version 3");
    assert!(fails("07 05 09 6465762f6578747261 00000001 beef", "dev/other").found().contains("dev/extra"));
    assert_eq!(fails("07 06 09", "dev/extra").found(), "0x06");
}

#[test]
fn old_style_section_is_bytes() {
    let device = device_of(r#""size": 3, "fields": [{"name": "data", "size": 3, "type": "buffer"}]"#);
    let section = decoded(&device, &[1, 2, 3], Some(1003)).unwrap();
    assert_eq!(section.opaque(), Some((1000, &[1, 2, 3][..])));
    let error = DecodedSection::decode(&device, &mut Reader::from_slice_at(&[1, 2, 3], 1000), Some(1002)).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("3 bytes, as the stream describes them", "2 to the footer"));
}

#[test]
fn contradictory_description_is_rejected() {
    let node = node();
    let inner = vmsd("o", &[nested("s", "", &node, 3)]);
    let empty = vmsd("z", &[]);
    for (fields, path, expected) in [
        (one("f", "uint32", 8), "f", "a size of 4"),
        (one("f", "bool", 0), "f", "a size of 1"),
        (one("f", "bitmap", 9), "f", "a size of 8"),
        (one("f", "GByteArray", 3), "f", "a size of 4"),
        (one("f", "capability", 257), "f", "a size of 256"),
        (one("f", "qtailq", 2), "f", "a size of 1"),
        (one("f", "gtree", 6), "f", "a size of 5"),
        (one("f", "struct", 1), "f", "one struct"),
        (one("f", "buffer", u64::MAX), "f", "bytes"),
        (nested("s", "", &node, 3), "s", "a size of 2"),
        (nested("o", "", &inner, 3), "o.s", "a size of 2"),
        (inline("f", "uint8", &[&node], 1), "f", "no struct inside"),
        (inline("f", "tmp", &[&node, &node], 4), "f", "one struct"),
        (many("f", 0, "uint8", 1), "f", "one element or more"),
        (many("f", 1000, "uint8", 1), "f", "1000 bytes"),
        (many("f", u64::MAX / 2, "uint32", 4), "f", "bytes"),
        (many("f", 3, "nullptr", 1), "f[2]", "the marker of a pointer"),
        (nested("f", r#""array_len": 9223372036854775807, "#, &node, 2), "f", "at most"),
        (nested("f", r#""array_len": 99999999, "#, &empty, 0), "f", "at most"),
    ] {
        let error = refused(&fields, "3030 8182 83 00");
        assert_eq!(error.path(), path, "{fields}\n{error}");
        assert!(error.expected().contains(expected), "{fields}\n{error}");
        assert!(error.offset().is_some_and(|offset| (1000..1010).contains(&offset)), "{error}");
    }
}

#[test]
fn undescribed_bytes_are_rejected() {
    let node = node();
    let list = inline("q", "qlist", &[&node], 4);
    let tree = inline("t", "gtree", &[&node], 16);
    for (fields, bytes, path, offset, found) in [
        (&list, "00 0182 00", "q[0]", 1000, "0x00"),
        (&list, "01 0182 01", "q", 1003, "0x01"),
        (&tree, "00000002 01 0000000000000007 0182 00", "t", 1000, "2"),
        (&tree, "00000001 00 0000000000000007 0182 00", "t[0]", 1004, "0x00"),
        (&tree, "00000001 01 0000000000000007 0182 01", "t", 1015, "0x01"),
        (&one("f", "GByteArray", 6), "00000003 0102", "f", 1000, "3"),
        (&one("f", "capability", 3), "01 6162", "f", 1000, "1"),
        (&one("f", "uint32", 4), "0102", "f", 1000, "the end of the stream after 2"),
    ] {
        let error = refused(fields, bytes);
        assert_eq!((error.path().as_str(), error.offset()), (path, Some(offset)), "{fields}\n{error}");
        assert_eq!(error.found(), found, "{fields}");
    }
}

#[test]
fn depth_is_bounded() {
    let structure = |fields| vmdesc::SentStruct { vmsd_name: "v".into(), version: 1, fields, subsections: Vec::new() };
    let deep = (0..100).fold(structure(Vec::new()), |inner, _| {
        let (name, type_name) = ("f".into(), "struct".into());
        let (array, nested) = (vmdesc::ArrayPart::None, vmdesc::Nested::Struct(inner));
        structure(vec![vmdesc::SentField { name, array, type_name, nested, size: 0 }])
    });
    let device = vmdesc::SentSection { name: "d".into(), instance_id: 0, body: vmdesc::SentBody::State(deep) };
    for end in [None, Some(1)] {
        let error = DecodedSection::decode(&device, &mut Reader::from_slice(&[0]), end).unwrap_err();
        assert_eq!(error.expected(), "a nesting depth of at most 64");
    }
}
