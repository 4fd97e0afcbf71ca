//! Schemas and dumps, and comparisons of them.

use vmstate::import::Importer;
use vmstate::schema::Schema;
use vmstate::schema::compare::compare_schemas;
use vmstate::schema::dump::Dump;

use super::{Case, Outcome, refused};

macro_rules! cases {
    ($($what:literal, $small:literal, $make:expr;)*) => {
        &[$(
            Case { name: concat!("schema, ", $what, ": check"), small: $small, make: |n| schema(&$make(n)).into_bytes(), read: check },
            Case { name: concat!("dump, ", $what, ": check"), small: $small, make: |n| dump(&$make(n)).into_bytes(), read: check_dump },
            Case { name: concat!("dump, ", $what, ": import"), small: $small, make: |n| dump(&$make(n)).into_bytes(), read: import },
        )*]
    };
}

pub(super) const CASES: &[Case] = &[
    Case { name: "schema, gated fields: check", small: 500, make: |n| gated(n, 64).into_bytes(), read: check },
    Case { name: "schema, versions: check", small: 500, make: |n| gated(n, n).into_bytes(), read: check },
];

pub(super) const REPEATED: &[Case] = cases! {
    "devices", 1000, |n: usize| (0..n).map(|number| (format!("dev{number}"), named(1, "f"), Vec::new())).collect::<Vec<Device>>();
    "fields", 2000, |n| vec![("dev".to_owned(), named(n, "f"), Vec::new())];
    "fields of one name", 2000, |n| vec![("dev".to_owned(), vec!["f".to_owned(); n], Vec::new())];
    "subsections", 1000, |n| vec![("dev".to_owned(), named(1, "f"), named(n, "dev/s"))];
};

/// A device whose fields were added in so many versions.
fn gated(count: usize, versions: usize) -> String {
    let field = |number| {
        format!("{{\"name\": \"f{number}\", \"type\": \"uint8\", \"size\": 1, \"since\": {}}}", number % versions)
    };
    let fields = (0..count).map(field).collect::<Vec<_>>().join(", ");
    format!(
        "{{\"vmstate-schema\": 1, \"devices\": {{\"dev\": {{\"name\": \"dev\", \"version\": {versions}, \"minimum_version\": 1, \
         \"fields\": [{fields}]}}}}}}"
    )
}

/// A device's name, its fields and its subsections.
type Device = (String, Vec<String>, Vec<String>);

fn named(count: usize, name: &str) -> Vec<String> {
    (0..count).map(|number| format!("{name}{number}")).collect()
}

fn schema(devices: &[Device]) -> String {
    let field = |name: &String| format!("{{\"name\": \"{name}\", \"type\": \"uint8\", \"size\": 1}}");
    let fields = |names: &[String]| names.iter().map(field).collect::<Vec<_>>().join(", ");
    let begin = |name: &str| format!("\"name\": \"{name}\", \"version\": 1, \"minimum_version\": 1");
    let subsection =
        |name: &String| format!("{{{}, \"conditional\": true, \"fields\": [{}]}}", begin(name), fields(&["g".into()]));
    let device = |(name, names, inner): &Device| {
        let subsections = inner.iter().map(subsection).collect::<Vec<_>>().join(", ");
        format!("\"{name}\": {{{}, \"fields\": [{}], \"subsections\": [{subsections}]}}", begin(name), fields(names))
    };
    let devices = devices.iter().map(device).collect::<Vec<_>>().join(", ");
    format!("{{\"vmstate-schema\": 1, \"devices\": {{{devices}}}}}")
}

fn dump(devices: &[Device]) -> String {
    let field =
        |name: &String| format!("{{\"field\": \"{name}\", \"version_id\": 0, \"field_exists\": false, \"size\": 1}}");
    let fields = |names: &[String]| names.iter().map(field).collect::<Vec<_>>().join(", ");
    let begin = |name: &str| format!("\"name\": \"{name}\", \"version_id\": 1, \"minimum_version_id\": 1");
    let subsection = |name: &String| format!("{{{}, \"Fields\": [{}]}}", begin(name), fields(&["g".into()]));
    let device = |(name, names, inner): &Device| {
        let subsections = inner.iter().map(subsection).collect::<Vec<_>>().join(", ");
        let inside = format!("{{{}, \"Fields\": [{}], \"Subsections\": [{subsections}]}}", begin(name), fields(names));
        format!(
            "\"{name}\": {{\"Name\": \"{name}\", \"version_id\": 1, \"minimum_version_id\": 1, \"Description\": {inside}}}"
        )
    };
    let devices = devices.iter().map(device).collect::<Vec<_>>().join(", ");
    format!("{{\"vmschkmachine\": {{\"Name\": \"none\"}}, {devices}}}")
}

/// The same with fields and subsections in the opposite order, and a field that one side lacks.
fn turned(schema: &Schema) -> Schema {
    let mut turned = schema.clone();
    for device in turned.devices.values_mut() {
        device.fields.reverse();
        device.fields.pop();
        device.subsections.reverse();
    }
    turned
}

fn check(text: &[u8]) -> Outcome {
    let schema = Schema::read(str::from_utf8(text).map_err(refused)?).map_err(refused)?;
    assert!(!schema.to_text().map_err(refused)?.is_empty());
    for other in [&schema, &turned(&schema)] {
        let _ = compare_schemas(&schema, other);
    }
    Ok(())
}

fn check_dump(text: &[u8]) -> Outcome {
    let dump = Dump::parse(str::from_utf8(text).map_err(refused)?).map_err(refused)?;
    assert!(!dump.to_text().map_err(refused)?.is_empty());
    check(text)
}

fn import(text: &[u8]) -> Outcome {
    let mut importer = Importer::new("hostile");
    importer.dump(text).map_err(refused)?;
    assert!(!importer.source().is_empty());
    Ok(())
}
