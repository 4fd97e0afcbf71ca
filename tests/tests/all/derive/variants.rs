//! Enums with fields: a tag, and the fields of the variant.

use vmstate::description::Count;
use vmstate::prelude::*;
use vmstate::schema::Release;
use vmstate::walk;

use super::{described, load, loaded, refused, save};

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "banks")]
struct Banks {
    selected: [u8; 2],
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "mapper", version = 2, repr = u8)]
enum Mapper {
    #[default]
    Nrom,
    Mmc1 {
        shift: u8,
        #[vmstate(since = 2, default = 7)]
        count: u8,
        #[vmstate(len = count, max = 8)]
        writes: Vec<u16>,
    },
    Mmc3(Banks, #[vmstate(option)] Option<u32>),
    Custom {
        level: bool,
        #[vmstate(skip = "set by the user", reset = 5)]
        volume: u8,
        #[vmstate(count("prefix": u8), max = 3)]
        prefixed: Vec<u8>,
    },
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "cartridge")]
struct Cartridge {
    before: u8,
    mapper: Mapper,
    both: [Mapper; 2],
    after: u16,
}

fn mmc1() -> Mapper {
    Mapper::Mmc1 { shift: 3, count: 2, writes: vec![4, 5] }
}

fn custom(volume: u8) -> Mapper {
    Mapper::Custom { level: true, volume, prefixed: vec![9, 8] }
}

#[test]
fn tag_precedes_the_fields_of_the_variant() {
    for (mut mapper, bytes) in [
        (Mapper::Nrom, &[0][..]),
        (mmc1(), &[1, 3, 2, 0, 4, 0, 5]),
        (Mapper::Mmc3(Banks { selected: [6, 7] }, Some(8)), &[2, 6, 7, 1, 0, 0, 0, 8]),
        (Mapper::Mmc3(Banks { selected: [6, 7] }, None), &[2, 6, 7, 0]),
        (custom(5), &[3, 1, 2, 9, 8]),
    ] {
        assert_eq!(save(&mut mapper), bytes);
        assert_eq!(loaded(Mapper::Nrom, bytes), mapper);
        assert_eq!(loaded(mmc1(), bytes), mapper);
    }
}

#[test]
fn same_variant_is_loaded_in_place() {
    let mut mapper = custom(99);
    load(&mut mapper, &[3, 0, 0], 2).unwrap();
    assert_eq!(mapper, Mapper::Custom { level: false, volume: 99, prefixed: vec![] });
}

#[test]
fn other_variant_is_constructed() {
    assert_eq!(loaded(Mapper::Nrom, &[3, 1, 2, 9, 8]), custom(5));
}

#[test]
fn gates_apply_in_variants() {
    let mut writer = Writer::new();
    walk::save(&mut mmc1(), &mut writer, 1).unwrap();
    assert_eq!(writer.pending(), [1, 3, 0, 4, 0, 5]);
    let mut mapper = Mapper::Mmc1 { shift: 0, count: 2, writes: vec![] };
    let error = mapper.load(&mut Reader::from_slice(&[1, 3, 0, 4, 0, 5]), 1).unwrap_err();
    assert_eq!(error.path(), "mapper.Mmc1.writes[2]", "version 1 has the default count of 7");
}

#[test]
fn unknown_tag_lists_the_known_ones() {
    let error = refused(Cartridge::default(), &[1, 4]);
    assert_eq!((error.path().as_str(), error.offset()), ("cartridge.mapper.tag", Some(1)));
    assert_eq!(error.expected(), "one of mapper: Nrom (0), Mmc1 (1), Mmc3 (2), Custom (3)");
    assert_eq!(error.found(), "4");
}

#[test]
fn every_truncation_is_an_error() {
    let mut cartridge =
        Cartridge { before: 1, mapper: mmc1(), both: [custom(5), Mapper::Mmc3(Banks::default(), Some(1))], after: 2 };
    let bytes = save(&mut cartridge);
    assert_eq!(loaded(Cartridge::default(), &bytes), cartridge);
    super::check_truncation::<Cartridge>(&bytes, 1);
}

#[test]
fn rollback_restores_the_variant() {
    for (before, incoming) in [(mmc1(), Mapper::Nrom), (Mapper::Nrom, mmc1()), (mmc1(), custom(5))] {
        let (mut mapper, mut checkpoint) = (before.clone(), Writer::new());
        walk::checkpoint(&mut mapper, &mut checkpoint).unwrap();
        load(&mut mapper, &save(&mut incoming.clone()), 2).unwrap();
        assert_eq!(mapper, incoming);
        walk::restore(&mut mapper, checkpoint.pending()).unwrap();
        assert_eq!(mapper, before);
    }
}

#[test]
fn descriptions_have_the_fields_of_all_variants() {
    let fields: Vec<_> = Mapper::DESCRIPTION.fields.iter().map(|field| (field.name, field.conditional)).collect();
    let expected = [("tag", false), ("Mmc1.shift", true), ("Mmc1.count", true), ("Mmc1.writes", true)];
    assert_eq!(fields[..4], expected);
    assert_eq!(fields[4..7], [("Mmc3.0", true), ("Mmc3.has_1", true), ("Mmc3.1", true)]);
    let Count::Counted(source) = Mapper::DESCRIPTION.fields[3].form.count else { panic!("not counted") };
    assert_eq!(source.field, "Mmc1.count");
    let text = described(&mut mmc1(), Release::Qemu10_0);
    let expected = r#""vmsd_name": "mapper", "version": 2, "fields": [{"name": "tag", "type": "uint8", "size": 1}, {"name": "Mmc1.shift", "type": "uint8", "size": 1}, "#;
    assert!(text.starts_with(expected), "{text}");
}

#[derive(VmState, Clone, Debug, PartialEq)]
#[vmstate(repr = u16, variant(fixed))]
enum Slot {
    Empty,
    Cartridge { rom: Rom, bank: u8 },
}

/// A type without a default.
#[derive(VmState, Clone, Debug, PartialEq)]
struct Rom {
    #[vmstate(equal)]
    hash: u32,
    #[vmstate(skip = "loaded from a file")]
    bytes: &'static [u8],
}

#[test]
fn fixed_variant_rejects_another_one() {
    let rom = Rom { hash: 5, bytes: b"rom" };
    let mut slot = Slot::Cartridge { rom: rom.clone(), bank: 1 };
    load(&mut slot, &[0, 1, 0, 0, 0, 5, 9], 1).unwrap();
    assert_eq!(slot, Slot::Cartridge { rom, bank: 9 });

    let error = refused(slot, &[0, 0]);
    assert_eq!((error.path().as_str(), error.offset()), ("Slot.tag", Some(0)));
    assert_eq!((error.expected(), error.found()), ("Cartridge (1), the local variant of Slot", "Empty (0)"));
    assert_eq!(refused(Slot::Empty, &[0, 2]).expected(), "one of Slot: Empty (0), Cartridge (1)");
}

#[derive(VmState, Clone, Debug, PartialEq)]
#[vmstate(repr = u8)]
enum Memory {
    Absent,
    Pages(Box<[u8; 64]>, [[u16; 40]; 2]),
    Lines { lines: Box<[Line; 33]> },
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
struct Line {
    #[vmstate(option)]
    pixels: Option<[u8; 64]>,
}

#[test]
fn arrays_of_any_length_are_constructed() {
    let pages = Memory::Pages(Box::new([1; 64]), [[2; 40]; 2]);
    let lines = Memory::Lines { lines: Box::new(core::array::from_fn(|_| Line { pixels: Some([3; 64]) })) };
    for mut memory in [pages, lines] {
        let bytes = save(&mut memory);
        assert_eq!(loaded(Memory::Absent, &bytes), memory);
    }
}

#[derive(VmState, Clone, Debug, PartialEq)]
#[repr(i8)]
enum Numbered {
    Low(u8) = -3,
    Next { value: u16 },
    High = 100,
}

#[test]
fn explicit_discriminants_are_the_tags() {
    assert_eq!(save(&mut Numbered::Low(1)), [0xfd, 1]);
    assert_eq!(save(&mut Numbered::Next { value: 2 }), [0xfe, 0, 2]);
    assert_eq!(save(&mut Numbered::High), [100]);
    assert_eq!(loaded(Numbered::High, &[0xfe, 0, 2]), Numbered::Next { value: 2 });
    assert_eq!(refused(Numbered::High, &[0]).expected(), "one of Numbered: Low (-3), Next (-2), High (100)");
}

#[derive(VmState, Clone, Copy, Debug, Default, PartialEq)]
#[vmstate(repr = u16)]
enum Mode {
    #[default]
    Off,
    On = 300,
}

#[test]
fn repr_of_the_wire_replaces_one_in_memory() {
    #[derive(VmState, Default, Debug, PartialEq)]
    struct Dev {
        mode: Mode,
    }

    assert_eq!(save(&mut Dev { mode: Mode::On }), [1, 44]);
    assert_eq!(loaded(Dev::default(), &[1, 44]), Dev { mode: Mode::On });
    assert_eq!(refused(Dev::default(), &[0, 1]).expected(), "one of Mode: Off, On");
}
