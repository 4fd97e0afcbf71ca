//! Versions of nested structs: `versions = parent`, and `versioned(was(..=1 => 1))`.

use std::collections::{BTreeMap, VecDeque};

use vmstate::description::Kind;
use vmstate::prelude::*;
use vmstate::schema::Release;
use vmstate::{Temporary, walk};

use super::{described, load, loaded, save};

/// A part of a console, whose fields refer to the version of the console.
#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "part", versions = parent)]
struct Part {
    a: u8,
    #[vmstate(since = 2)]
    b: u8,
    #[vmstate(until = 2)]
    old: u8,
    leaf: Leaf,
}

#[derive(VmState, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[vmstate(name = "leaf", versions = parent)]
struct Leaf {
    #[vmstate(since = 3)]
    c: u8,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(repr = u8, versions = parent)]
enum Mapper {
    #[default]
    None,
    Some {
        leaf: Leaf,
        #[vmstate(since = 2)]
        more: u8,
    },
}

/// Has separate versions, which its parts inherit.
#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "own", version = 3)]
struct Own {
    #[vmstate(since = 2)]
    d: u8,
    leaf: Leaf,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "console", version = 3, subsection("console/group", always))]
struct Console {
    part: Part,
    array: [Leaf; 2],
    boxed: Box<Leaf>,
    #[vmstate(option)]
    option: Option<Leaf>,
    #[vmstate(count("n": u8), max = 3)]
    counted: Vec<Leaf>,
    #[vmstate(list(max = 3))]
    list: VecDeque<Leaf>,
    #[vmstate(tree(max = 3))]
    tree: BTreeMap<Leaf, Leaf>,
    #[vmstate(pointer(alloc))]
    pointers: [Option<Box<Leaf>>; 2],
    #[vmstate(tmp = Sum)]
    sum: u8,
    #[vmstate(opaque = "hidden")]
    opaque: Leaf,
    own: Own,
    mapper: Mapper,
    #[vmstate(in = "console/group")]
    grouped: Leaf,
    #[vmstate(since = 3)]
    last: u8,
}

#[derive(VmState)]
#[vmstate(versions = parent)]
struct Sum {
    #[vmstate(since = 2)]
    sum: u8,
}

impl Temporary<Console> for Sum {
    fn from_parent(parent: &Console) -> Self {
        Self { sum: parent.sum }
    }

    fn apply(self, parent: &mut Console) -> Result<(), LoadError> {
        parent.sum = self.sum;
        Ok(())
    }
}

fn leaf(c: u8) -> Leaf {
    Leaf { c }
}

fn console() -> Console {
    Console {
        part: Part { a: 1, b: 2, old: 3, leaf: leaf(4) },
        array: [leaf(5), leaf(6)],
        boxed: Box::new(leaf(7)),
        option: Some(leaf(8)),
        counted: vec![leaf(9)],
        list: [leaf(10)].into(),
        tree: [(leaf(11), leaf(12))].into(),
        pointers: [None, Some(Box::new(leaf(13)))],
        sum: 14,
        opaque: leaf(15),
        own: Own { d: 16, leaf: leaf(0) },
        mapper: Mapper::Some { leaf: leaf(17), more: 18 },
        grouped: leaf(19),
        last: 20,
    }
}

fn saved_at(console: &mut Console, version: u32) -> Vec<u8> {
    let mut writer = Writer::new();
    walk::save(console, &mut writer, version).unwrap();
    writer.take()
}

#[test]
fn one_number_governs_all_nested_structs() {
    let group = |version: &[u8]| [b"\x05\x0dconsole/group\0\0\0\x01", version].concat();
    let newest = [
        &[1, 2, 4][..],
        &[5, 6, 7, 1, 8, 1, 9, 1, 10, 0],
        &[0, 0, 0, 1, 1, 11, 12, 0, 0x30, 0x31, 13, 14, 15],
        &[16, 0, 1, 17, 18, 20],
    ];
    assert_eq!(save(&mut console()), [newest.concat(), group(&[19])].concat());
    let oldest = [&[1, 3][..], &[1, 1, 1, 0], &[0, 0, 0, 1, 1, 0, 0x30, 0x31], &[16, 0, 1]];
    assert_eq!(saved_at(&mut console(), 1), [oldest.concat(), group(&[])].concat());
}

#[test]
fn every_version_round_trips() {
    for version in 1..=3 {
        let bytes = saved_at(&mut console(), version);
        let mut fresh = Console::default();
        load(&mut fresh, &bytes, version).unwrap();
        assert_eq!(saved_at(&mut fresh, version), bytes, "version {version}");
        for end in 0..bytes.len() {
            let mut cut = Console::default();
            let loaded = cut.load(&mut Reader::from_slice(&bytes[..end]), version);
            // The subsection is optional, so only its header decides.
            assert!(loaded.is_err() || end + group_length(version) >= bytes.len(), "version {version}, cut at {end}");
        }
    }
    assert_eq!(loaded(Console::default(), &save(&mut console())).part, Part { old: 0, ..console().part });
}

/// The bytes of the subsection at the end.
fn group_length(version: u32) -> usize {
    19 + usize::from(version >= 3)
}

#[test]
fn newer_version_of_the_section_is_rejected() {
    let error = Console::default().load(&mut Reader::from_slice(&[]), 4).unwrap_err();
    assert_eq!(error.expected(), "at most version 3 of `console`");
}

#[test]
fn rollback_restores_fields_of_all_versions() {
    let mut before = console();
    let mut checkpoint = Writer::new();
    walk::checkpoint(&mut before, &mut checkpoint).unwrap();
    let mut changed = before.clone();
    load(&mut changed, &saved_at(&mut Console::default(), 1), 1).unwrap();
    assert_ne!(changed, before);
    walk::restore(&mut changed, checkpoint.pending()).unwrap();
    assert_eq!(changed, console());
}

#[test]
fn descriptions_show_the_version_of_the_section() {
    let text = described(&mut console(), Release::Qemu10_0);
    assert!(text.contains(r#""vmsd_name": "part", "version": 3"#), "{text}");
    assert!(text.contains(r#""vmsd_name": "own", "version": 3"#), "{text}");
    assert!(Part::DESCRIPTION.inherits && !Own::DESCRIPTION.inherits);
    assert_eq!((Part::DESCRIPTION.version, Leaf::DESCRIPTION.version), (3, 3));
}

/// A struct in three releases of its section, each with a field more.
#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "chip", version = 3)]
struct Chip {
    a: u8,
    #[vmstate(since = 2)]
    b: u8,
    #[vmstate(since = 3)]
    c: u8,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "board", version = 7)]
struct Board {
    #[vmstate(versioned(was(..=2 => 1, ..=5 => 2)))]
    chip: Chip,
    #[vmstate(versioned(was(..=5 => 2)), since = 3)]
    chips: [Chip; 2],
    #[vmstate(option, versioned(was(..=6 => 1)))]
    spare: Option<Chip>,
}

fn board() -> Board {
    let chip = |a| Chip { a, b: a + 1, c: a + 2 };
    Board { chip: chip(1), chips: [chip(4), chip(7)], spare: Some(chip(10)) }
}

#[test]
fn nested_version_follows_the_parents() {
    for (version, bytes) in [
        (1, &[1, 1, 10][..]),
        (2, &[1, 1, 10]),
        (3, &[1, 2, 4, 5, 7, 8, 1, 10]),
        (5, &[1, 2, 4, 5, 7, 8, 1, 10]),
        (6, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 10]),
        (7, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 10, 11, 12]),
    ] {
        let mut writer = Writer::new();
        walk::save(&mut board(), &mut writer, version).unwrap();
        assert_eq!(writer.pending(), bytes, "version {version}");
        let mut fresh = Board::default();
        load(&mut fresh, bytes, version).unwrap();
        let mut again = Writer::new();
        walk::save(&mut fresh, &mut again, version).unwrap();
        assert_eq!(again.pending(), bytes, "version {version}");
    }
}

#[test]
fn old_versions_are_fields_that_exclude_each_other() {
    let fields: Vec<_> =
        Board::DESCRIPTION.fields.iter().take(3).map(|field| (field.name, field.since, field.until)).collect();
    assert_eq!(fields, [("chip", 0, Some(2)), ("chip", 3, Some(5)), ("chip", 6, None)]);
    assert_eq!(Board::DESCRIPTION.fields[1].form.kind, Kind::Versioned(Chip::DESCRIPTION, 2));
    assert_eq!(Board::DESCRIPTION.fields[2].form.kind, Kind::Struct(Chip::DESCRIPTION));
}

#[test]
fn rollback_restores_newer_fields() {
    let (mut device, mut checkpoint) = (board(), Writer::new());
    walk::checkpoint(&mut device, &mut checkpoint).unwrap();
    load(&mut device, &[0, 0], 1).unwrap();
    walk::restore(&mut device, checkpoint.pending()).unwrap();
    assert_eq!(device, board());
}
