//! The forms in the tools that know descriptions alone: dumps, comparisons, locks, imports.

use std::fmt::Debug;

use vmstate::description::{Description, Field, Form as Wire};
use vmstate::dynamic::{DecodedSection, rewrite};
use vmstate::import::Importer;
use vmstate::lock::{Accept, Lock};
use vmstate::machine::SaveOptions;
use vmstate::prelude::*;
use vmstate::schema::compare::{CompareOptions, Severity, compare, exact_difference, first_difference};
use vmstate::schema::dump::Dump;
use vmstate::schema::shape::Shape;
use vmstate::schema::vmdesc::{Document, SentBody, SentStruct};
use vmstate::schema::{DescriptionWriter, Release, Schema};
use vmstate_tests::forms::{Form, Property, check};
use vmstate_tests::releases::RELEASES;

use super::states;

/// Returns the payload of a device and its description.
fn describe<T: VmState>(device: &mut T, release: Release) -> (Vec<u8>, Document) {
    let mut description = DescriptionWriter::new(release, 4096, None);
    let mut out = Writer::new();
    description.section("form", 0, device, &mut out).unwrap();
    (out.take(), Document::parse(description.finish().as_bytes(), 0).unwrap())
}

fn state(document: &Document) -> &SentStruct {
    match &document.devices[0].body {
        SentBody::State(state) => state,
        _ => panic!("no description"),
    }
}

struct Decoded;

impl Property for Decoded {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        for release in RELEASES {
            for mut device in states(form) {
                let (bytes, document) = describe(&mut device, release);
                let end = Some(bytes.len() as u64);
                let section =
                    DecodedSection::decode(&document.devices[0], &mut Reader::from_slice(&bytes), end).unwrap();
                assert!(section.opaque().is_none(), "{section:?}");
                let names: Vec<_> =
                    section.state().unwrap().fields.iter().map(|field| field.name.to_string()).collect();
                assert_eq!((names.first(), names.last()), (Some(&"first".into()), Some(&"last".into())));
                let mut again = Writer::new();
                section.encode(&mut again);
                assert_eq!(again.pending(), bytes);
            }
        }
    }
}

/// `vmstate dump` prints the fields of this tree.
#[test]
fn payloads_are_decoded_by_their_description() {
    check(&Decoded);
}

fn stream<T: VmState + Send>(device: &mut T, release: Release) -> Vec<u8> {
    let mut machine = Machine::new();
    machine.register("form", device).unwrap();
    let mut stream = Vec::new();
    machine.save_with(&mut stream, SaveOptions::new().description(Some(release))).unwrap();
    stream
}

struct Rewritten;

impl Property for Rewritten {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        for release in RELEASES {
            let stream = stream(&mut (form.example)(), release);
            assert_eq!(rewrite(&stream, |_, _| Ok::<(), LoadError>(())).unwrap(), stream);
        }
    }
}

#[test]
fn streams_are_rewritten_from_their_values() {
    check(&Rewritten);
}

/// A form whose items can have different fields, which an imported struct cannot follow.
const NOT_IMPORTED: &str = "variants";

struct Imported;

impl Property for Imported {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        for release in RELEASES {
            for mut device in states(form) {
                let stream = stream(&mut device, release);
                let document = Document::from_stream(&stream).unwrap().unwrap();
                let mut importer = Importer::new("form");
                importer.stream(&mut Reader::from_slice(&stream), document).unwrap();
                for source in [importer.source(), importer.program()] {
                    syn::parse_file(&source).unwrap_or_else(|error| panic!("{error}\n{source}"));
                    let imported = source.contains("pub first: u8") && source.contains("pub last: u16");
                    assert!(imported || form.name == NOT_IMPORTED, "{source}");
                }
            }
        }
    }
}

#[test]
fn streams_are_imported() {
    check(&Imported);
}

struct Compared;

impl Property for Compared {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        let shape = Shape::from(T::DESCRIPTION);
        assert_eq!(compare(&shape, &shape, CompareOptions::devices()), []);
        assert_eq!(compare(&shape, &shape, CompareOptions::qemu()), []);
        for release in RELEASES {
            for mut device in states(form) {
                let (_, document) = describe(&mut device, release);
                let sent = state(&document);
                let difference = first_difference(T::DESCRIPTION, T::DESCRIPTION.version, sent);
                assert_eq!(difference.map(|difference| difference.to_string()), None);
                let difference = exact_difference(sent, sent, &|_| false);
                assert_eq!(difference.map(|difference| difference.to_string()), None);
                let findings = compare(&Shape::from(sent), &shape, CompareOptions::qemu());
                assert!(findings.iter().all(|finding| finding.severity() == Severity::Note), "{findings:?}");
            }
        }
    }
}

/// `vmstate check` compares releases and streams.
#[test]
fn forms_are_equal_to_themselves() {
    check(&Compared);
}

struct Stored;

impl Property for Stored {
    fn check<T: VmState + Debug + Send + 'static>(&self, _: &Form<T>) {
        let schema = Schema::from_devices(None, [("form", T::DESCRIPTION)]);
        let text = schema.to_text().unwrap();
        assert_eq!(Schema::from_text(&text).unwrap(), schema);
        for release in RELEASES {
            let dump = Dump::from_schema(&schema, release);
            let read = Dump::parse(&dump.to_text().unwrap()).unwrap();
            assert_eq!(read, dump);
            let findings =
                compare(&Schema::from(&read).devices["form"], &schema.devices["form"], CompareOptions::qemu());
            assert!(findings.iter().all(|finding| finding.severity() != Severity::Break), "{findings:?}");
        }
    }
}

#[test]
fn descriptions_survive_files_and_dumps() {
    check(&Stored);
}

struct Locked;

impl Property for Locked {
    fn check<T: VmState + Debug + Send + 'static>(&self, _: &Form<T>) {
        let folder = tempfile::tempdir().unwrap();
        let lock = |description: &Description| Lock::new(folder.path()).device("form", description);
        assert_eq!(lock(T::DESCRIPTION).bless(Accept::Safe).unwrap(), []);
        assert_eq!(lock(T::DESCRIPTION).check().unwrap(), []);
        let breaks = |description: &Description| {
            let changes = lock(description).check().unwrap();
            let [change] = &changes[..] else { panic!("{changes:?}") };
            change.is_breaking()
        };
        assert!(breaks(with_byte(T::DESCRIPTION)));
        assert!(breaks(without_value(T::DESCRIPTION)));
    }
}

/// The description without the fields of `value`.
fn without_value(description: &Description) -> &'static Description {
    let fields = description.fields.iter().filter(|field| ["first", "last"].contains(&field.name));
    with_fields(description, fields.copied().collect())
}

/// The description with another byte before the fields of `value`.
fn with_byte(description: &Description) -> &'static Description {
    let mut fields = description.fields.to_vec();
    fields.insert(1, Field::new("added", Wire::info("uint8", Some(1))));
    with_fields(description, fields)
}

fn with_fields(description: &Description, fields: Vec<Field>) -> &'static Description {
    let changed = Description::new(description.name).versions(description.version, description.minimum_version);
    Box::leak(Box::new(changed.fields(fields.leak())))
}

#[test]
fn lock_detects_changes() {
    check(&Locked);
}
