//! Rules that are invalid, and their effects on sections.

use std::slice::from_ref;

use serde_json::{Value, json};

use super::budget::Budget;
use super::example::Example;
use super::field::{decode_fields, encoded, from_hex, to_hex};
use super::*;
use crate::dynamic::{DecodedBody, DecodedSection, DecodedStruct};
use crate::stream::SectionHeader;

fn field(name: &str, type_name: &str, size: u64) -> Value {
    json!({ "name": name, "type": type_name, "size": size })
}

fn rule(changes: &Value) -> SectionRule {
    let text = json!({
        "format": "vmstate relay rules 1",
        "sections": [{ "name": "rtc", "from": 1, "changes": changes }],
    });
    RelayRules::parse(text.to_string().as_bytes()).unwrap().sections.remove(0)
}

fn state(fields: &[Value], bytes: &str) -> DecodedStruct {
    let fields = decode_fields(fields, &from_hex(bytes).unwrap()).unwrap();
    DecodedStruct { vmsd_name: "rtc".into(), version: 1, offset: 0, fields, subsections: Vec::new() }
}

/// Applies changes to fields, and returns the bytes.
fn changed(fields: &[Value], bytes: &str, changes: &Value) -> Result<String, String> {
    let mut state = state(fields, bytes);
    rule(changes).change(&mut state).map_err(|error| error.to_string())?;
    Ok(to_hex(&encoded(&state.fields)))
}

fn pair() -> [Value; 2] {
    [field("a", "uint16", 2), field("b", "uint32", 4)]
}

#[test]
fn changes_have_the_expected_bytes() {
    let array = json!({ "name": "list", "array_len": 2, "type": "uint8", "size": 1 });
    let inner =
        json!({ "vmsd_name": "inner", "version": 1, "fields": [field("x", "uint8", 1), field("y", "uint8", 1)] });
    let structs = json!({ "name": "s", "array_len": 2, "type": "struct", "struct": inner, "size": 2 });
    let buffer = field("buffer", "buffer", 3);
    for (fields, bytes, change, expected) in [
        (&pair()[..], "000100000002", json!({ "do": "drop", "field": "a", "only": "0001" }), Ok("00000002")),
        (
            &pair(),
            "000100000002",
            json!({ "do": "drop", "field": "a", "only": "0000" }),
            Err("the value would be lost"),
        ),
        (&pair(), "000100000002", json!({ "do": "drop", "field": "b" }), Ok("0001")),
        (&pair(), "000100000002", json!({ "do": "drop", "field": "c" }), Err("missing field \"c\"")),
        (&pair(), "0001000000ff", json!({ "do": "convert", "field": "b", "type": "uint8" }), Ok("0001ff")),
        (
            &pair(),
            "000100000100",
            json!({ "do": "convert", "field": "b", "type": "uint8" }),
            Err("the value 256 would be"),
        ),
        (
            &pair(),
            "0001ffffffff",
            json!({ "do": "convert", "field": "b", "type": "int64" }),
            Ok("000100000000ffffffff"),
        ),
        (&pair(), "000100000002", json!({ "do": "convert", "field": "b", "type": "bool" }), Err("0 to 1")),
        (&[field("i", "int32", 4)], "ffffffff", json!({ "do": "convert", "field": "i", "type": "int8" }), Ok("ff")),
        (
            &[field("i", "int32", 4)],
            "ffffff7f",
            json!({ "do": "convert", "field": "i", "type": "int8" }),
            Err("-128 to"),
        ),
        (&pair(), "000100000002", json!({ "do": "move", "field": "b", "after": null }), Ok("000000020001")),
        (&pair(), "000100000002", json!({ "do": "rename", "field": "b", "to": "c" }), Ok("000100000002")),
        (
            &pair(),
            "000100000002",
            json!({ "do": "insert", "fields": [field("c", "uint8", 1)], "bytes": "77", "after": "a" }),
            Ok("00017700000002"),
        ),
        (from_ref(&array), "0102", json!({ "do": "resize", "field": "list", "count": 4 }), Ok("01020000")),
        (from_ref(&array), "0100", json!({ "do": "resize", "field": "list", "count": 1 }), Ok("01")),
        (from_ref(&array), "0102", json!({ "do": "resize", "field": "list", "count": 1 }), Err("would be lost")),
        (from_ref(&array), "0102", json!({ "do": "convert", "field": "list", "type": "uint16" }), Ok("00010002")),
        (&[buffer], "010203", json!({ "do": "resize", "field": "buffer", "count": 5 }), Ok("0102030000")),
        (from_ref(&structs), "01020102", json!({ "in": ["s"], "do": "drop", "field": "x", "only": "01" }), Ok("0202")),
        (from_ref(&structs), "01020304", json!({ "in": ["s"], "do": "drop", "field": "x", "only": "01" }), Err("lost")),
        (from_ref(&structs), "01020304", json!({ "do": "resize", "field": "s", "count": 3 }), Ok("010203040000")),
    ] {
        match (changed(fields, bytes, &json!([change])), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{change}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{change}: {found}"),
            (found, expected) => panic!("{change}: {found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn invalid_rules_are_rejected() {
    let file = |sections: Value| json!({ "format": "vmstate relay rules 1", "sections": sections }).to_string();
    let change = |change: Value| file(json!([{ "name": "a", "changes": [change] }]));
    for (text, message) in [
        (String::new(), "EOF"),
        ("{}".to_owned(), "missing field `format`"),
        (json!({ "format": "2", "sections": [] }).to_string(), "expected the format"),
        (file(json!([{ "name": "a" }, { "name": "a" }])), "duplicate section"),
        (file(json!([{ "name": "", "from": 1 }])), "a name of 1 to 255 bytes"),
        (file(json!([{ "name": "a", "form": 1 }])), "unknown field `form`"),
        (
            file(json!([{ "name": "a", "changes": vec![json!({ "do": "version", "version": 1 }); 5000] }])),
            "4096 changes",
        ),
        (change(json!({ "do": "explode" })), "unknown variant"),
        (change(json!({ "do": "drop", "field": "x", "only": "0" })), "hexadecimal"),
        (change(json!({ "do": "convert", "field": "x", "type": "float" })), "unknown type"),
        (
            change(json!({ "do": "insert", "fields": [field("x", "uint8", 1)], "bytes": "", "after": null })),
            "number of bytes",
        ),
        (change(json!({ "do": "insert", "fields": [1], "bytes": "", "after": null })), "invalid field"),
        (change(json!({ "in": vec!["s"; 17], "do": "version", "version": 1 })), "16 steps"),
    ] {
        let error = RelayRules::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(message), "{text:.80}: {error}");
    }
}

#[test]
fn rules_cannot_add_memory_without_bound() {
    let inner = json!({ "vmsd_name": "inner", "version": 1, "fields": [field("x", "uint8", 1)] });
    let structs = json!({ "name": "s", "array_len": 1000, "type": "struct", "struct": inner, "size": 1 });
    let large = json!({ "do": "insert", "fields": [field("b", "buffer", 100_000)], "bytes": "00".repeat(100_000), "after": null });
    let mut within = large;
    within["in"] = json!(["s"]);
    let error = changed(from_ref(&structs), &"01".repeat(1000), &json!([within])).unwrap_err();
    assert!(error.contains("more than 64 MiB"), "{error}");
    let resize = json!([{ "do": "resize", "field": "s", "count": 1 << 20 }]);
    assert!(changed(from_ref(&structs), &"01".repeat(1000), &resize).unwrap_err().contains("more than 64 MiB"));
    assert!(Budget::default().take_bytes(64 << 20).is_ok());
}

#[test]
fn sections_are_found_with_their_paths() {
    let rules = RelayRules::of_sections(vec![SectionRule { to: Some(3), ..SectionRule::new("e1000", 2) }]);
    assert_eq!(rules.find("0000:00:03.0/e1000").unwrap().to, Some(3));
    assert!(rules.find("e1000e").is_none() && rules.check_live("ram", 4).is_ok());
    let error = rules.check_live("e1000", 2).unwrap_err().to_string();
    assert!(error.contains("cannot be changed"), "{error}");
    let reject = RelayRules { unlisted: Unlisted::Reject, ..rules };
    assert!(reject.check_live("ram", 4).unwrap_err().to_string().contains("not listed"));
    assert_eq!(RelayRules::parse(reject.to_text().as_bytes()).unwrap(), reject);
}

fn example(sections: &[(&str, u32, &DecodedStruct)]) -> Example {
    let section = |(name, version, state): &(&str, u32, &DecodedStruct)| {
        let body = DecodedBody::Described((*state).clone());
        let section = DecodedSection { name: (*name).into(), instance_id: 0, offset: 0, body };
        (SectionHeader::full(1, *name, 0, *version), section)
    };
    Example { machine: None, blocks: Vec::new(), sections: sections.iter().map(section).collect() }
}

/// The fields of [`pair`] in a nested struct.
fn nested() -> DecodedStruct {
    let inner = json!({ "vmsd_name": "rtc", "version": 1, "fields": pair() });
    state(&[json!({ "name": "state", "type": "struct", "struct": inner, "size": 6 })], "000100000002")
}

#[test]
fn renamed_sections_are_found_by_their_layout() {
    let (flat, nested) = (state(&pair(), "000300000004"), nested());
    let other = state(&[field("a", "uint16", 2), field("b", "int32", 4)], "000100000002");
    for (old, new, expected) in [
        (vec![("rtc", 2, &flat)], vec![("clock", 1, &nested)], Some("clock")),
        (vec![("rtc", 2, &nested)], vec![("clock", 1, &flat)], Some("clock")),
        (vec![("bus/rtc", 2, &flat)], vec![("bus/clock", 1, &nested)], Some("bus/clock")),
        // At another place, with other fields, ambiguous, and with the name of another section.
        (vec![("bus/rtc", 2, &flat)], vec![("clock", 1, &nested)], None),
        (vec![("rtc", 2, &flat)], vec![("clock", 1, &other)], None),
        (vec![("rtc", 2, &flat)], vec![("clock", 1, &flat), ("watch", 1, &flat)], None),
        (vec![("rtc", 2, &flat), ("watch", 1, &flat)], vec![("clock", 1, &flat)], None),
        (vec![("rtc", 2, &flat), ("clock", 1, &flat)], vec![("clock", 1, &flat)], None),
    ] {
        let (rules, findings) = RelayRules::of_examples(&example(&old), &example(&new));
        let rule = &rules.sections[0];
        assert_eq!((rule.rename.as_deref(), rule.drop), (expected, expected.is_none()), "{old:?} {new:?}");
        let lost = findings.iter().any(|finding| finding.kind == RelayFindingKind::Lost);
        assert_eq!((lost, rule.to), (expected.is_none(), expected.map(|_| 1)), "{findings:?}");
        assert!(rule.changes.is_empty(), "{rule:?}");
    }
}

#[test]
fn subsections_are_dropped_only_for_an_older_version() {
    let (mut old, new) = (state(&pair(), "000300000004"), state(&pair(), "000100000002"));
    old.subsections.push(DecodedStruct { vmsd_name: "rtc/alarm".into(), ..nested() });
    let dropped = Change { within: vec![], action: Action::DropSubsection { subsection: "rtc/alarm".to_owned() } };
    for (versions, kind, changes) in [
        ([3, 2], RelayFindingKind::Lost, vec![dropped]),
        ([2, 3], RelayFindingKind::Note, vec![]),
        ([2, 2], RelayFindingKind::Note, vec![]),
    ] {
        let (old, new) = (example(&[("rtc", versions[0], &old)]), example(&[("rtc", versions[1], &new)]));
        let (rules, findings) = RelayRules::of_examples(&old, &new);
        assert_eq!((findings[0].kind, findings[0].path.as_str()), (kind, "rtc.rtc/alarm"));
        assert_eq!(rules.sections[0].changes, changes);
    }
}

/// QEMU does not send the versions of nested structs, and their sections may have the same one.
#[test]
fn older_structs_lose_their_newer_fields() {
    let example_of = |version: u32, fields: &[Value], bytes: &str| {
        let size = bytes.len() / 2;
        let inner = json!({ "vmsd_name": "inner", "version": version, "fields": fields });
        let chip = json!({ "vmsd_name": "chip", "version": 1,
            "fields": [{ "name": "inner", "type": "struct", "struct": inner, "size": size }] });
        state(&[json!({ "name": "chip", "type": "struct", "struct": chip, "size": size })], bytes)
    };
    let (older, newer) = (example_of(1, &pair()[..1], "0003"), example_of(2, &pair(), "000100000002"));
    let generate = |old, new| RelayRules::of_examples(&example(&[("rtc", 2, old)]), &example(&[("rtc", 2, new)]));
    let (rules, findings) = generate(&newer, &older);
    let found: Vec<_> = findings.iter().map(|finding| (finding.kind, finding.path.as_str())).collect();
    assert_eq!(found, [(RelayFindingKind::Bounded, "rtc.chip.inner.b")]);
    for (bytes, expected) in [("000900000002", Ok("0009")), ("000900000003", Err("would be lost"))] {
        let mut state = example_of(2, &pair(), bytes);
        match (rules.sections[0].change(&mut state), expected) {
            (Ok(()), Ok(expected)) => assert_eq!(to_hex(&encoded(&state.fields)), expected),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, _) => panic!("{found:?}, expected {expected:?}"),
        }
    }
    // A newer release reads older structs itself.
    let (rules, findings) = generate(&older, &newer);
    assert!(rules.sections[0].changes.is_empty() && findings.is_empty(), "{findings:?}");
}

#[test]
fn constants_of_renamed_sections_are_replaced() {
    let fields = [field("a", "uint16", 2), field("is_new", "uint8 equal", 1)];
    let inner = json!({ "vmsd_name": "rtc", "version": 1, "fields": fields });
    let nested = [json!({ "name": "state", "type": "struct", "struct": inner, "size": 3 })];
    let (old, new) = (state(&nested, "000301"), state(&fields, "000100"));
    let (old, new) = (example(&[("rtc", 2, &old)]), example(&[("clock", 3, &new)]));
    let (rules, findings) = RelayRules::of_examples(&old, &new);
    assert_eq!((findings[1].kind, findings[1].path.as_str()), (RelayFindingKind::Bounded, "rtc.state.is_new"));
    let rules = RelayRules::parse(rules.to_text().as_bytes()).unwrap();
    for (bytes, expected) in [("000701", Some("000700")), ("000702", None)] {
        let mut state = state(&nested, bytes);
        let changed = rules.sections[0].change(&mut state);
        assert_eq!(changed.ok().map(|()| to_hex(&encoded(&state.fields))).as_deref(), expected);
    }
}
