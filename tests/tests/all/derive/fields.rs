//! The bytes of each attribute of a field, and its errors.

use vmstate::Info;
use vmstate::description::{Count, Kind};
use vmstate::error::Blame;
use vmstate::info::array::Each;
use vmstate::prelude::*;

use super::{check_truncation, hex, load, save};

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Everything {
    #[vmstate(name = "regs.lo")]
    plain: u16,
    matrix: [[u8; 2]; 3],
    real: f64,
    #[vmstate(buffer)]
    text: [u8; 4],
    #[vmstate(timer)]
    timer: Option<u64>,
    #[vmstate(timer)]
    timers: [[Option<u64>; 2]; 1],
    #[vmstate(with = Nibbles)]
    nibbles: (u8, u8),
    #[vmstate(with = Each<Nibbles>)]
    pairs: [(u8, u8); 2],
    pad: Unused<2>,
    #[vmstate(unused(before = 1, after = 3))]
    framed: bool,
    r#type: i8,
    #[vmstate(skip = "wired by the board")]
    line: Option<String>,
}

/// Two numbers in one byte.
struct Nibbles;

impl Info<(u8, u8)> for Nibbles {
    const NAME: &'static str = "nibbles";
    const SIZE: Option<usize> = Some(1);

    fn put(value: &(u8, u8), to: &mut Writer) -> Result<(), SaveError> {
        if value.0 > 15 || value.1 > 15 {
            return Err(SaveError::rejected("a nibble is at most 15"));
        }
        to.u8(value.0 << 4 | value.1);
        Ok(())
    }

    fn get(value: &mut (u8, u8), from: &mut Reader<'_>) -> Result<(), LoadError> {
        let byte = from.u8()?;
        if byte == 0xff {
            return Err(LoadError::malformed("two nibbles", byte));
        }
        *value = (byte >> 4, byte & 15);
        Ok(())
    }
}

const EVERYTHING: &str = "1234 010203040506 3ff8000000000000 51454d55 00000000000003e8
    ffffffffffffffff 0000000000000007 12 34 56 0000 00 01 000000 80";

fn everything() -> Everything {
    Everything {
        plain: 0x1234,
        matrix: [[1, 2], [3, 4], [5, 6]],
        real: 1.5,
        text: *b"QEMU",
        timer: Some(1000),
        timers: [[None, Some(7)]],
        nibbles: (1, 2),
        pairs: [(3, 4), (5, 6)],
        pad: Unused,
        framed: true,
        r#type: -128,
        line: None,
    }
}

#[test]
fn all_forms_of_fields() {
    assert_eq!(save(&mut everything()), hex(EVERYTHING));
    let mut loaded = Everything { line: Some("kept".into()), ..Everything::default() };
    load(&mut loaded, &hex(EVERYTHING), 1).unwrap();
    assert_eq!(loaded, Everything { line: Some("kept".into()), ..everything() });
    check_truncation::<Everything>(&hex(EVERYTHING), 1);
}

#[test]
fn padding_is_ignored_and_any_byte_is_true() {
    let mut bytes = hex(EVERYTHING);
    let end = bytes.len();
    bytes[end - 8..].copy_from_slice(&hex("ffff ff 02 ffffff 80")); // the padding, and the frame of `framed`
    let mut loaded = Everything::default();
    load(&mut loaded, &bytes, 1).unwrap();
    assert_eq!(loaded, everything());
}

#[test]
fn description_matches_the_bytes() {
    let described: Vec<_> = Everything::DESCRIPTION
        .fields
        .iter()
        .map(|field| {
            let Kind::Info(kind) = field.form.kind else { panic!("{field:?} is an info") };
            (field.name, kind, field.form.count, field.form.size)
        })
        .collect();
    assert_eq!(
        described,
        [
            ("regs.lo", "uint16", Count::One, Some(2)),
            ("matrix", "uint8", Count::Fixed(6), Some(1)),
            ("real", "CPU_Double_U", Count::One, Some(8)),
            ("text", "buffer", Count::One, Some(4)),
            ("timer", "timer", Count::One, Some(8)),
            ("timers", "timer", Count::Fixed(2), Some(8)),
            ("nibbles", "nibbles", Count::One, Some(1)),
            ("pairs", "nibbles", Count::Fixed(2), Some(1)),
            ("unused", "unused_buffer", Count::One, Some(2)),
            ("unused", "unused_buffer", Count::One, Some(1)),
            ("framed", "bool", Count::One, Some(1)),
            ("unused", "unused_buffer", Count::One, Some(3)),
            ("type", "int8", Count::One, Some(1)),
        ]
    );
    assert_eq!(Everything::DESCRIPTION.size(), Some(hex(EVERYTHING).len()));
}

#[test]
fn errors_name_the_field_and_the_element() {
    let mut bytes = hex(EVERYTHING);
    bytes[45] = 0xff; // pairs[0]
    let error = load(&mut Everything::default(), &bytes, 1).unwrap_err();
    assert_eq!((error.path().as_str(), error.offset()), ("dev.pairs[0]", Some(45)));
    let error = load(&mut Everything::default(), &bytes[..3], 1).unwrap_err();
    assert_eq!((error.path().as_str(), error.offset()), ("dev.matrix[1]", Some(3)));

    let mut device = Everything { pairs: [(0, 0), (16, 0)], ..Everything::default() };
    let error = device.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.to_string(), "field dev.pairs[1]: a nibble is at most 15");
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "agreed")]
struct Agreed {
    #[vmstate(equal = "start both sides with the same num-queues")]
    queues: u16,
    #[vmstate(equal)]
    id: u64,
    #[vmstate(le)]
    level: i32,
}

#[test]
fn equal_values_are_compared_and_never_changed() {
    let bytes = hex("0004 0000000000000007 00000003");
    let local = || Agreed { queues: 4, id: 7, level: 5 };
    let mut device = local();
    load(&mut device, &bytes, 1).unwrap();
    assert_eq!(device, Agreed { level: 3, ..local() });
    assert_eq!(save(&mut device), bytes);

    let error = load(&mut Agreed { queues: 5, ..local() }, &bytes, 1).unwrap_err();
    assert_eq!((error.blame(), error.path().as_str(), error.offset()), (Blame::Peer, "agreed.queues", Some(0)));
    assert_eq!(error.advice(), Some("start both sides with the same num-queues"));
    assert_eq!(error.qemu_message(), Some("5 != 4"));
    let error = load(&mut local(), &bytes[..1], 1).unwrap_err();
    assert_eq!((error.is_truncated(), error.advice()), (true, None), "the hint is not about this");
    let error = load(&mut Agreed { id: 8, ..local() }, &bytes, 1).unwrap_err();
    assert_eq!((error.path().as_str(), error.offset()), ("agreed.id", Some(2)));
    assert_eq!(Agreed::DESCRIPTION.fields[1].form.kind, Kind::Info("int64 equal"));
}

#[test]
fn levels_are_between_zero_and_the_local_one() {
    let local = || Agreed { queues: 4, id: 7, level: 5 };
    let with = |level: i32| [&hex("0004 0000000000000007")[..], &level.to_be_bytes()].concat();
    for level in [0, 5] {
        let mut device = local();
        load(&mut device, &with(level), 1).unwrap();
        assert_eq!(device.level, level);
    }
    for level in [-1, 6, i32::MIN, i32::MAX] {
        let error = load(&mut local(), &with(level), 1).unwrap_err();
        assert_eq!(error.qemu_message().unwrap(), format!("Invalid value {level} expecting positive value <= 5"));
    }
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "reset")]
struct Resets {
    value: u8,
    #[vmstate(skip = "derived from value", reset = nothing)]
    cache: Option<u8>,
}

fn nothing() -> Option<u8> {
    None
}

#[test]
fn skipped_fields_can_be_reset_by_a_load() {
    let mut device = Resets { value: 1, cache: Some(1) };
    assert_eq!(save(&mut device), [1]);
    assert!(load(&mut device, &[], 1).is_err());
    assert_eq!(device.cache, Some(1), "only when all fields have loaded");
    load(&mut device, &[2], 1).unwrap();
    assert_eq!((device.value, device.cache), (2, None));
}

#[derive(VmState, Debug, Default, PartialEq)]
struct Nothing;

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate()]
struct Empty {}

#[test]
fn structs_without_fields_have_no_bytes() {
    assert!(save(&mut Nothing).is_empty());
    load(&mut Empty {}, &[], 1).unwrap();
    assert_eq!((Nothing::DESCRIPTION.name, Empty::DESCRIPTION.name), ("Nothing", "Empty"));
}

#[test]
fn padding_is_zero_in_a_writer_that_is_used_again() {
    #[derive(VmState, Default)]
    struct Padded {
        #[vmstate(unused(before = 2, after = 3))]
        level: u8,
    }

    let mut writer = Writer::new();
    writer.bytes(&[0xee; 64]);
    writer.clear();
    Padded { level: 7 }.save(&mut writer).unwrap();
    assert_eq!(writer.pending(), [0, 0, 7, 0, 0, 0]);
}
