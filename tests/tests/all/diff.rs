//! Differences between real streams, and between them and copies that were changed in one place.

use std::collections::HashSet;

use vmstate::dynamic::diff::{FieldChange, Snapshot, StateDifference, compare, compare_sections};
use vmstate::dynamic::{DecodedSection, DecodedValue, FoundItem, StreamDecoder, StreamEvent};
use vmstate::report::{HtmlReport, ReportInput};
use vmstate::schema::vmdesc::{Document, Located, locate};
use vmstate::{LoadError, Reader};
use vmstate_tests::streams::{self, Stream};

fn description(stream: &Stream) -> Document {
    let Located::At(start) = locate(&stream.bytes) else { panic!("{}", stream.name) };
    Document::parse(&stream.bytes[start..], start as u64).unwrap()
}

fn snapshot(stream: &Stream) -> Snapshot {
    let mut reader = Reader::from_slice(&stream.bytes);
    Snapshot::read(&mut StreamDecoder::new(&mut reader, Some(description(stream))).unwrap()).unwrap()
}

/// The sections with device state, each with the index of its description.
fn sections(stream: &Stream) -> Vec<(usize, DecodedSection)> {
    let mut reader = Reader::from_slice(&stream.bytes);
    let mut walk = StreamDecoder::new(&mut reader, Some(description(stream))).unwrap();
    let mut sections = Vec::new();
    while let Some(event) = walk.next_event().unwrap() {
        if let StreamEvent::Section { section, device: Some(device), .. } = event {
            sections.push((device, section));
        }
    }
    sections
}

#[test]
fn stream_equals_itself() {
    for stream in streams::all() {
        let snapshot = snapshot(&stream);
        assert!(!snapshot.sections.is_empty() && snapshot.configuration.is_some(), "{}", stream.name);
        assert_eq!(compare(&snapshot, &snapshot.clone()).count(), 0, "{}", stream.name);
    }
}

/// Each byte of each field of each device, changed alone: exactly that field differs.
#[test]
fn changed_byte_is_a_changed_field() {
    let (mut fields, mut refused) = (0, 0);
    for name in ["qemu-10.0-pc", "qemu-7.2-virt", "qemu-10.0-uno", "qemu-7.2-microvm"] {
        let stream = streams::named(name);
        let description = description(&stream);
        for (device, section) in sections(&stream) {
            let device = &description.devices[device];
            // Fields of the same path are told apart by nothing.
            let leaves = section.leaves();
            let mut paths = HashSet::new();
            for leaf in leaves.iter().filter(|leaf| leaf.found.size > 0 && paths.insert(&leaf.path)) {
                let at = usize::try_from(leaf.found.offset + leaf.found.size - 1).unwrap();
                let start = usize::try_from(section.offset).unwrap();
                let mut payload = stream.bytes[start..start + usize::try_from(section.size()).unwrap()].to_vec();
                payload[at - start] ^= 0x10;
                let mut reader = Reader::from_slice_at(&payload, section.offset);
                match DecodedSection::decode(device, &mut reader, Some(section.offset + section.size())) {
                    Ok(changed) => assert_one(&section, &changed, &leaf.path, leaf.found.offset),
                    Err(_) => refused += 1,
                }
                fields += 1;
            }
        }
    }
    assert!(fields > 2000, "{fields}");
    // Markers of lists and the like.
    assert!(refused < fields / 20, "{refused} of {fields}");
}

fn assert_one(old_section: &DecodedSection, new: &DecodedSection, path: &str, offset: u64) {
    let differences = compare_sections(old_section, new);
    let [difference] = differences.as_slice() else { panic!("{path}: {differences:?}") };
    // Arrays are reported whole, runs of them are leaves.
    let array = path.rsplit_once('[').map_or(path, |(array, _)| array);
    match &difference.change {
        FieldChange::Value { old, new } => {
            assert_eq!((difference.path.as_str(), old.offset, new.offset), (path, offset, offset));
            assert_ne!(old.item, new.item);
        }
        FieldChange::Elements(elements) => {
            assert!([path, array].contains(&difference.path.as_str()), "{path}: {}", difference.path);
            assert_eq!(elements.count(), 1, "{path}");
            let (_, one, other) = elements.iter().next().unwrap();
            assert_eq!(one.unwrap().bits ^ other.unwrap().bits, flipped(old_section, path), "{path}");
        }
        other => panic!("{path}: {other:?}"),
    }
}

/// Returns the change of an element after flipping a byte's bit; elements of a bitmap are single bits.
fn flipped(section: &DecodedSection, path: &str) -> u64 {
    match section.get(path).map(|found| found.item) {
        Some(FoundItem::Value(DecodedValue::Bitmap(_))) => 1,
        _ => 0x10,
    }
}

#[test]
fn differences_between_two_releases() {
    let (old, new) = (snapshot(&streams::named("qemu-7.2-virt")), snapshot(&streams::named("qemu-10.0-virt")));
    let mut seen = Vec::new();
    for difference in compare(&old, &new) {
        match difference {
            StateDifference::Section(section) => {
                seen.push(format!("{} {:?}", section.name, section.versions()));
                if section.name == "globalstate" {
                    let paths: Vec<_> = section.fields.iter().map(|field| field.path.as_str()).collect();
                    assert_eq!(paths, ["runstate", "has_vm_was_suspended", "vm_was_suspended", "unused"]);
                }
            }
            StateDifference::Block(block) => seen.push(block.name.to_owned()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        seen,
        [
            "timer None",
            "cpu Some((5, 10))",
            "goldfish_rtc None",
            "virt_acpi_build None",
            "fw_cfg None",
            "globalstate None",
            "/rom@etc/acpi/tables",
            "/rom@etc/table-loader",
            "/rom@etc/acpi/rsdp",
        ]
    );
}

/// A stream with any changed byte is rejected, or compared in both directions and printed.
#[test]
fn damaged_stream_is_compared_or_rejected() {
    let stream = streams::named("qemu-10.0-uno");
    let whole = snapshot(&stream);
    let (mut compared, mut differences) = (0, 0);
    for (place, flip) in (0..stream.bytes.len()).flat_map(|place| [1, 0x80].map(|flip| (place, flip))) {
        let mut bytes = stream.bytes.clone();
        bytes[place] ^= flip;
        let Ok(damaged) = read(&bytes) else { continue };
        compared += 1;
        let count = compare(&whole, &damaged).count();
        assert_eq!(compare(&damaged, &whole).count(), count, "byte {place:#x}");
        differences += usize::from(count > 0);
        if place % 41 == 0 {
            let side = |snapshot| ReportInput { name: "a", length: 0, snapshot };
            assert!(HtmlReport::new(side(&damaged)).beside(side(&whole)).html().unwrap().ends_with("</html>\n"));
        }
    }
    assert!(compared > 1500 && differences > 1400, "{compared} {differences}");
}

/// Reads a stream that may be bad, by its own description if it has one.
fn read(bytes: &[u8]) -> Result<Snapshot, LoadError> {
    let description = match locate(bytes) {
        Located::At(start) => Some(Document::parse(&bytes[start..], start as u64)?),
        Located::Absent | Located::More => None,
    };
    let mut reader = Reader::from_slice(bytes);
    Snapshot::read(&mut StreamDecoder::new(&mut reader, description)?)
}
