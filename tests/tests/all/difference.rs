//! The first difference between a device and the description in a stream, with streams of QEMU.

use vmstate::Description;
use vmstate::prelude::*;
use vmstate::schema::compare::{DifferenceKind, first_difference};
use vmstate::schema::vmdesc::{ArrayPart, Document, Located, Nested, SentBody, SentField, SentStruct, locate};
use vmstate_examples::devices::avr::Cpu;
use vmstate_examples::devices::clock::Clock;
use vmstate_examples::devices::e1000::E1000;
use vmstate_examples::devices::globalstate::{GlobalState, GlobalState7_2};
use vmstate_examples::devices::i8254::Pit;
use vmstate_examples::devices::mc146818rtc::Rtc;
use vmstate_examples::devices::serial::{IsaSerial, MemorySerial};
use vmstate_examples::devices::virtio::{Mmio, Pci, VirtioBlk, VirtioRng};
use vmstate_tests::streams;

/// Returns the struct's description for a section of the stream `qemu-<version>-<machine>`.
fn local(stream: &str, section: &str) -> Option<&'static Description> {
    let (old, uno) = (stream.contains("7.2"), stream.ends_with("uno"));
    Some(match section {
        "serial" if stream.ends_with("virt") => MemorySerial::DESCRIPTION,
        "serial" => IsaSerial::DESCRIPTION,
        "cpu" if uno => Cpu::DESCRIPTION,
        "timer" => Clock::DESCRIPTION,
        "globalstate" if old => GlobalState7_2::DESCRIPTION,
        "globalstate" => GlobalState::DESCRIPTION,
        "i8254" => Pit::DESCRIPTION,
        "mc146818rtc" => Rtc::DESCRIPTION,
        "0000:00:03.0/e1000" => E1000::DESCRIPTION,
        "virtio-mmio@0000000010008000/virtio-blk" => VirtioBlk::<Mmio>::DESCRIPTION,
        "0000:00:03.0:00.0/virtio-blk" => VirtioBlk::<Pci<true>>::DESCRIPTION,
        "0000:00:01.0/virtio-rng" => VirtioRng::<Pci<false>>::DESCRIPTION,
        _ => return None,
    })
}

/// All described sections of the committed streams that are structs.
fn sections() -> Vec<(String, &'static Description, SentStruct)> {
    let mut sections = Vec::new();
    for stream in streams::all() {
        let Located::At(text) = locate(&stream.bytes) else { panic!("{}: no description", stream.name) };
        for device in Document::parse(&stream.bytes[text..], text as u64).unwrap().devices {
            if let (Some(local), SentBody::State(state)) = (local(&stream.name, &device.name), device.body) {
                sections.push((format!("{} {}", stream.name, device.name), local, state));
            }
        }
    }
    sections
}

#[test]
fn devices_match_qemus_descriptions() {
    let sections = sections();
    assert!(sections.len() > 50, "{}", sections.len());
    for (name, local, sent) in &sections {
        assert_eq!(first_difference(local, sent.version, sent), None, "{name}");
    }
}

#[test]
fn removed_field_is_named() {
    let mut tried = 0;
    for (name, local, sent) in &sections() {
        for index in 0..sent.fields.len() {
            let field = &local.fields.iter().find(|field| field.name == &*sent.fields[index].name);
            if field.is_some_and(|field| field.conditional) || is_numbered(&sent.fields[index]) {
                continue;
            }
            let mut other = sent.clone();
            let gone = other.fields.remove(index);
            let difference = first_difference(local, sent.version, &other).unwrap_or_else(|| panic!("{name} {gone:?}"));
            assert_eq!((difference.path, difference.what), (path(local, &gone), DifferenceKind::Missing), "{name}");
            tried += 1;
        }
    }
    println!("{tried} fields were left out");
    assert!(tried > 250, "{tried}");
}

#[test]
fn added_field_is_named() {
    for (name, local, sent) in &sections() {
        for index in 0..=sent.fields.len() {
            let mut other = sent.clone();
            let field = SentField {
                name: "news".into(),
                array: ArrayPart::None,
                type_name: "uint16".into(),
                nested: Nested::None,
                size: 2,
            };
            other.fields.insert(index, field);
            let difference = first_difference(local, sent.version, &other).unwrap_or_else(|| panic!("{name} {index}"));
            assert_eq!(difference.what, DifferenceKind::Extra, "{name} {index} {difference:?}");
            assert_eq!(difference.path, format!("{}.news", local.name), "{name}");
        }
    }
}

#[test]
fn resized_field_is_named() {
    for (name, local, sent) in &sections() {
        for index in 0..sent.fields.len() {
            let mut other = sent.clone();
            let field = &mut other.fields[index];
            if field.nested != Nested::None || is_numbered(field) || !is_fixed(local, field) {
                continue;
            }
            let changed = SentField { size: field.size + 1, type_name: "else".into(), ..field.clone() };
            *field = changed.clone();
            let difference =
                first_difference(local, sent.version, &other).unwrap_or_else(|| panic!("{name} {changed:?}"));
            assert_eq!((difference.path, difference.what), (path(local, &changed), DifferenceKind::Type), "{name}");
        }
    }
}

#[test]
fn swapped_fields_are_named() {
    for (name, local, sent) in &sections() {
        for index in 1..sent.fields.len() {
            let mut other = sent.clone();
            if is_numbered(&sent.fields[index - 1]) || is_numbered(&sent.fields[index]) {
                continue;
            }
            other.fields.swap(index - 1, index);
            let difference = first_difference(local, sent.version, &other).unwrap_or_else(|| panic!("{name} {index}"));
            assert_eq!(difference.what, DifferenceKind::Order, "{name} {difference:?}");
            assert_eq!(difference.path, path(local, &sent.fields[index]), "{name}");
        }
    }
}

#[test]
fn unsupported_version_is_named() {
    for (name, local, sent) in &sections() {
        let difference = first_difference(local, local.version + 1, sent).unwrap();
        assert_eq!((&*difference.path, difference.what), (local.name, DifferenceKind::Version), "{name}");
        assert_eq!(difference.theirs, format!("version {}", local.version + 1), "{name}");
    }
}

#[test]
fn unknown_subsection_is_named() {
    for (name, local, sent) in &sections() {
        let mut other = sent.clone();
        let fields = vec![];
        let vmsd_name = format!("{}/news", local.name).into();
        other.subsections.push(SentStruct { vmsd_name, version: 1, fields, subsections: vec![] });
        let difference = first_difference(local, sent.version, &other).unwrap();
        assert_eq!(difference.what, DifferenceKind::Subsection, "{name} {difference:?}");
        assert_eq!(difference.path, format!("{0}.{0}/news", local.name), "{name}");
    }
}

/// QEMU 10.0 replaced the unused end of the name of the run state by three fields; the bytes are the same.
#[test]
fn equal_layout_of_other_fields_is_accepted() {
    let sections = sections();
    for (stream, local) in [("qemu-10.0-uno", GlobalState7_2::DESCRIPTION), ("qemu-7.2-uno", GlobalState::DESCRIPTION)]
    {
        let name = format!("{stream} globalstate");
        let (.., sent) = sections.iter().find(|(section, ..)| *section == name).unwrap();
        assert_eq!(first_difference(local, 1, sent), None, "{name}");
    }
}

#[test]
fn difference_in_words() {
    let (_, local, mut sent) = sections().into_iter().find(|(name, ..)| name == "qemu-10.0-pc i8254").unwrap();
    sent.version = 2;
    let Nested::Struct(channel) = &mut sent.fields[1].nested else { panic!("{sent:?}") };
    channel.version = 3;
    channel.fields.remove(2);
    assert_eq!(
        first_difference(local, 3, &sent).unwrap().to_string(),
        "`i8254.channels.count_latched`: the stream has nothing, this device has uint8 of 1 byte: the struct \
         `channels` is version 3 in the stream and 2 here, and nested structs are loaded at the local version"
    );
}

fn path(local: &Description, field: &SentField) -> String {
    format!("{}.{}", local.name, field.name)
}

/// Returns whether the entry has no unique name: padding, and entries that share a name.
fn is_numbered(field: &SentField) -> bool {
    &*field.type_name == "unused_buffer" || field.name.ends_with(']')
}

/// Returns whether the device's description has a fixed size for the field.
fn is_fixed(local: &Description, field: &SentField) -> bool {
    local.fields.iter().any(|own| own.name == &*field.name && own.form.total_size().is_some() && !own.conditional)
}
