//! Checks the pages about schemas and `vmstate check` against the code.

use std::fs;

use vmstate::prelude::*;
use vmstate::schema::Schema;
use vmstate::schema::compare::Rule;
use vmstate::schema::vmdesc::Json;

fn page(name: &str) -> String {
    fs::read_to_string(format!("{}/../vmstate/docs/{name}.md", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn table_lists_every_rule() {
    let page = page("check");
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let rules: Vec<_> =
        Rule::all().map(|rule| format!("| `{rule}` | {} | {} |", rule.severity(), rule.summary())).collect();
    let first = rows.iter().position(|row| *row == rules[0]).unwrap_or_else(|| panic!("no {}", rules[0]));
    assert_eq!(rows[first..][..rules.len()], rules);
}

#[test]
fn example_round_trips_as_a_schema() {
    let page = page("schema");
    let text = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(Schema::from_text(text).unwrap().to_text().unwrap(), text);
}

/// A device with all features of schemas.
mod everything {
    use std::collections::BTreeMap;

    use vmstate::prelude::*;

    #[derive(VmState, Default, PartialEq, Eq, PartialOrd, Ord, Clone, Debug)]
    #[vmstate(name = "inner", version = 2)]
    pub(super) struct Inner {
        a: u8,
        #[vmstate(since = 2)]
        b: u8,
    }

    #[derive(VmState)]
    #[vmstate(
        name = "all",
        version = 3,
        minimum_version = 2,
        load_old(min = 1, with = Self::load_first),
        priority = PciBus,
        unmigratable,
        early_setup,
        needed = |all| all.count != 0,
        post_load = Self::check
    )]
    pub(super) struct All {
        count: u8,
        #[vmstate(since = 3)]
        newer: u16,
        #[vmstate(len = count * 2, max = 8)]
        counted: Vec<u16>,
        #[vmstate(buffer(len = count, max = 8))]
        sized: Vec<u8>,
        #[vmstate(pointer)]
        slots: [Option<Box<u16>>; 2],
        #[vmstate(until = 2)]
        older: u16,
        #[vmstate(when = Self::has)]
        tested: u16,
        #[vmstate(versioned = 1)]
        inner: Inner,
        #[vmstate(tree(max = 4))]
        tree: BTreeMap<Inner, Inner>,
        #[vmstate(subsection("all/extra", needed = |all| all.extra != 0, absent = default))]
        extra: u8,
    }

    impl All {
        fn load_first(&mut self, _: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
            Ok(())
        }
        fn check(&mut self) {}
        fn has(&self, _: u32) -> bool {
            true
        }
    }
}

#[test]
fn page_documents_every_key() {
    let schema = Schema::from_devices("machine", [("all", everything::All::DESCRIPTION)]);
    let text = schema.to_text().unwrap();
    assert_eq!(Schema::from_text(&text).unwrap(), schema);
    let mut keys = Vec::new();
    collect(&serde_json::from_str(&text).unwrap(), &mut keys);
    for key in ["oldest_version", "struct_version", "keys", "length", "absent", "max", "multiply", "pointers", "until"]
    {
        assert!(keys.iter().any(|other| other == key), "{key} does not occur: {text}");
    }
    let page = page("schema");
    for key in keys.iter().filter(|key| *key != "all") {
        assert!(page.contains(&format!("`{key}`")), "{key} is not in the page");
    }
}

fn collect(json: &Json<'_>, keys: &mut Vec<String>) {
    match json {
        Json::Object(entries) => entries.iter().for_each(|(key, value)| {
            keys.push(key.to_string());
            collect(value, keys);
        }),
        Json::Array(values) => values.iter().for_each(|value| collect(value, keys)),
        _ => {}
    }
}

#[test]
fn unknown_key_or_type_is_rejected() {
    let with = |field: &str| {
        let text = format!(
            r#"{{"vmstate-schema": 1, "devices": {{"d": {{"name": "d", "version": 1, "fields": [{field}]}}}}}}"#
        );
        Schema::from_text(&text).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(with(r#"{"name": "a", "type": "uint8", "size": 1}"#), Ok(()));
    for (field, said) in [
        (r#"{"name": "a", "kind": "uint8"}"#, "unknown field `kind`"),
        (r#"{"name": "a", "type": "struct"}"#, "no `struct` at `a`"),
        (r#"{"name": "a", "type": "uint8", "struct": {"name": "b", "version": 1, "fields": []}}"#, "a `struct` at `a`"),
        (r#"{"name": "a", "type": "uint8", "struct_version": 1}"#, "`keys` or `struct_version` at `a`"),
        (
            r#"{"name": "a", "type": "vstruct", "struct": {"name": "b", "version": 1, "fields": []}}"#,
            "no `struct_version`",
        ),
        (r#"{"name": "a", "count": -1}"#, "untagged enum Count"),
        (r#"{"name": "a", "pointers": "some"}"#, "unknown variant `some`"),
    ] {
        let error = with(field).unwrap_err();
        assert!(error.contains(said), "{field}: {error}");
    }
    for text in ["", "[]", "{}", r#"{"vmstate-schema": "1", "devices": {}}"#, r#"{"vmstate-schema": 0, "devices": {}}"#]
    {
        assert!(Schema::from_text(text).is_err(), "{text}");
        assert!(Schema::read(text).is_err(), "{text}");
    }
}
