//! The grammar of paths, and leaves.

use super::{decoded_fields, device_with, hex, inline, many, nested, one, vmsd};
use crate::Reader;
use crate::dynamic::{DecodedSection, FoundItem};

#[test]
fn names_with_dots_and_brackets() {
    let fields = [
        many("env.gpr", 2, "uint16", 2),
        one("env.gpr[1]", "uint8", 1),
        one("unused[0]", "unused_buffer", 2),
        one("b", "buffer", 3),
    ];
    let section = decoded_fields(&fields.join(", "), "0001 0002 07 0000 0a0b0c");
    for (path, offset, shown) in [
        ("env.gpr", 1000, "[0x1, 0x2]"),
        ("env.gpr[1]", 1002, "2"),
        ("d.env.gpr[0]", 1000, "1"),
        ("v.env.gpr[0]", 1000, "1"),
        ("unused[0]", 1005, "2 bytes, all 00"),
        ("unused[0][1]", 1006, "0"),
        ("b[2]", 1009, "12 (0xc)"),
    ] {
        let found = section.get(path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!((found.offset, found.item.to_string().as_str()), (offset, shown), "{path}");
    }
    for path in ["", "env", "env.gpr[2]", "env.gpr[", "env.gpr[x]", "env.gpr.x", "env.gprs", "b[3]", "b[0][0]", "d."] {
        assert_eq!(section.get(path), None, "{path}");
    }
}

#[test]
fn leaves_have_paths_that_lead_to_them() {
    let node = vmsd("n", &[one("x", "bool", 1)]);
    let fields = [
        inline("q", "qlist", &[&node, &node], 5),
        nested("s", r#""array_len": 2, "#, &node, 1),
        inline("t", "gtree", &[&node], 15),
    ];
    let subsections = [vmsd("v/a", &[one("q", "bool", 1)]), vmsd("v/b", &[one("w", "bool", 1)])];
    let device = device_with(&vmsd("v", &fields), &subsections);
    let bytes = hex("01 01 01 00 00 01 00 00000001 01 0000000000000007 01 00
                     05 03 762f61 00000001 01 05 03 762f62 00000001 00");
    let section = DecodedSection::decode(&device, &mut Reader::from_slice(&bytes), None).unwrap();
    let leaves = section.leaves();
    let paths: Vec<_> = leaves.iter().map(|leaf| leaf.path.as_str()).collect();
    assert_eq!(paths, ["q[0].x", "q[1].x", "s[0].x", "s[1].x", "t[0].key", "t[0].value.x", "v/a.q", "w"]);
    for leaf in &leaves {
        assert_eq!(section.get(&leaf.path), Some(leaf.found), "{}", leaf.path);
        let FoundItem::Scalar(value) = leaf.found.item else { panic!("{leaf:?}") };
        let start = usize::try_from(leaf.found.offset).unwrap();
        value.with_bytes(|value| assert_eq!(value, &bytes[start..][..value.len()], "{}", leaf.path));
    }
    assert!(matches!(section.get("q").unwrap().item, FoundItem::Value(_)));
    assert!(matches!(section.get("q[1]").unwrap().item, FoundItem::Struct(inner) if &*inner.vmsd_name == "n"));
    assert!(matches!(section.get("t[0].value").unwrap().item, FoundItem::Struct(_)));
}
