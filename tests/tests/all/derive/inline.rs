//! Structs whose fields are fields of their parent: `inline`.
//!
//! The oracle is the same device with each field written out, as QEMU's macros do.

use vmstate::prelude::*;
use vmstate::schema::compare::{CompareOptions, Rule, compare};
use vmstate::schema::shape::Shape;
use vmstate_tests::releases::RELEASES;

use super::{check_truncation, described, load, loaded, save};

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "eeprom", versions = parent)]
struct Eeprom {
    tick: u8,
    #[vmstate(since = 2)]
    address: u16,
    count: u8,
    #[vmstate(len = count, max = 4)]
    words: Vec<u16>,
    #[vmstate(inline)]
    pins: Pins,
    #[vmstate(when = |eeprom| eeprom.tick > 4)]
    late: u32,
    #[vmstate(skip = "follows from the address")]
    cached: u8,
}

#[derive(VmState, Clone, Copy, Debug, Default, PartialEq)]
struct Pins {
    clock: bool,
    levels: [u8; 3],
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "dev", version = 3)]
struct Device {
    first: u8,
    #[vmstate(inline)]
    eeprom: Eeprom,
    #[vmstate(inline, name = "tx.pins", since = 3)]
    pins: Pins,
    last: u8,
    #[vmstate(inline, subsection("dev/pins", needed = |dev| dev.last > 9))]
    more: Pins,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "dev", version = 3, subsection("dev/pins", needed = |dev| dev.last > 9))]
struct WrittenOut {
    first: u8,
    #[vmstate(name = "eeprom.tick")]
    tick: u8,
    #[vmstate(name = "eeprom.address", since = 2)]
    address: u16,
    #[vmstate(name = "eeprom.count")]
    count: u8,
    #[vmstate(name = "eeprom.words", len = count, max = 4)]
    words: Vec<u16>,
    #[vmstate(name = "eeprom.pins.clock")]
    clock: bool,
    #[vmstate(name = "eeprom.pins.levels")]
    levels: [u8; 3],
    #[vmstate(name = "eeprom.late", when = |dev| dev.tick > 4)]
    late: u32,
    #[vmstate(name = "tx.pins.clock", since = 3)]
    tx_clock: bool,
    #[vmstate(name = "tx.pins.levels", since = 3)]
    tx_levels: [u8; 3],
    last: u8,
    #[vmstate(name = "more.clock", in = "dev/pins")]
    more_clock: bool,
    #[vmstate(name = "more.levels", in = "dev/pins")]
    more_levels: [u8; 3],
}

/// A device with this tick, and with the subsection if `last` is above 9.
fn device(tick: u8, last: u8) -> Device {
    let pins = Pins { clock: true, levels: [7, 8, 9] };
    let eeprom = Eeprom { tick, address: 0x102, count: 2, words: vec![3, 4], pins, late: 5, cached: 0 };
    Device { first: 1, eeprom, pins, last, more: pins }
}

fn states() -> impl Iterator<Item = Device> {
    [(0, 0), (5, 0), (0, 10), (5, 10)].into_iter().map(|(tick, last)| device(tick, last))
}

#[test]
fn inline_fields_have_the_bytes_of_fields() {
    for mut device in states() {
        let bytes = save(&mut device);
        let mut written_out = loaded(WrittenOut::default(), &bytes);
        assert_eq!(save(&mut written_out), bytes);
        // Fields that the predicates exclude keep their defaults.
        let again = loaded(Device::default(), &bytes);
        assert_eq!(save(&mut again.clone()), bytes);
        assert_eq!((again.eeprom.words, again.pins), (device.eeprom.words.clone(), device.pins));
    }
    check_truncation::<Device>(&save(&mut device(5, 0)), 3);
}

#[test]
fn inline_fields_are_described_as_fields() {
    for mut device in states() {
        let mut written_out = loaded(WrittenOut::default(), &save(&mut device));
        for release in RELEASES {
            assert_eq!(described(&mut device, release), described(&mut written_out, release));
        }
    }
}

#[test]
fn inline_fields_have_the_schema_of_fields() {
    let (inline, written_out) = (Shape::from(Device::DESCRIPTION), Shape::from(WrittenOut::DESCRIPTION));
    let gates = |shape: &Shape| {
        let fields = shape.fields.iter();
        fields.map(|field| (field.name.clone(), field.since, field.until, field.conditional)).collect::<Vec<_>>()
    };
    assert_eq!(gates(&inline), gates(&written_out));
    // Only the counter has another name: written out, it is named after the member in Rust.
    let findings = compare(&inline, &written_out, CompareOptions::default());
    let paths: Vec<_> = findings.iter().map(|finding| (finding.rule, &*finding.path)).collect();
    assert_eq!(paths, [(Rule::CountSource, "eeprom.words"); 2]);
    assert_eq!(Device::DESCRIPTION.max_size(), WrittenOut::DESCRIPTION.max_size());
}

#[test]
fn inline_fields_have_the_gates_of_the_parent() {
    for version in 1..=3 {
        let (mut old, mut writer) = (device(5, 0), Writer::new());
        vmstate::walk::save(&mut old, &mut writer, version).unwrap();
        let bytes = writer.take();
        let mut written_out = WrittenOut::default();
        load(&mut written_out, &bytes, version).unwrap();
        assert_eq!(written_out.address, if version > 1 { 0x102 } else { 0 });
        assert_eq!(written_out.tx_clock, version > 2);

        let mut again = Device::default();
        load(&mut again, &bytes, version).unwrap();
        assert_eq!((again.eeprom.address, again.pins.clock), (written_out.address, written_out.tx_clock));
    }
}

#[test]
fn inline_fields_are_named_in_errors() {
    let error = load(&mut Device::default(), &[1, 0, 0, 0, 9], 3).unwrap_err();
    assert_eq!(error.path(), "dev.eeprom.words");
    let error = load(&mut Device::default(), &[1, 0, 0, 0, 0, 0, 1, 2], 3).unwrap_err();
    assert_eq!(error.path(), "dev.eeprom.pins.levels[2]");
}

#[test]
fn inline_fields_are_rolled_back() {
    let mut tried = device(5, 10);
    let mut checkpoint = Writer::new();
    vmstate::walk::checkpoint(&mut tried, &mut checkpoint).unwrap();
    load(&mut tried, &save(&mut device(0, 0)), 3).unwrap();
    vmstate::walk::restore(&mut tried, checkpoint.pending()).unwrap();
    assert_eq!(tried, device(5, 10));
}

#[test]
fn inline_struct_in_an_array_is_described_once() {
    #[derive(VmState, Clone, Debug, Default, PartialEq)]
    #[vmstate(name = "channel")]
    struct Channel {
        #[vmstate(inline)]
        pins: Pins,
    }

    #[derive(VmState, Debug, Default)]
    #[vmstate(name = "channel")]
    struct ChannelWrittenOut {
        #[vmstate(name = "pins.clock")]
        clock: bool,
        #[vmstate(name = "pins.levels")]
        levels: [u8; 3],
    }

    #[derive(VmState, Debug, Default)]
    #[vmstate(name = "dev")]
    struct Channels<T> {
        channels: [T; 3],
    }

    for release in RELEASES {
        let inline = described(&mut Channels::<Channel>::default(), release);
        assert_eq!(inline, described(&mut Channels::<ChannelWrittenOut>::default(), release));
    }
}

vmstate::laws!(laws_of_inline: Device);
