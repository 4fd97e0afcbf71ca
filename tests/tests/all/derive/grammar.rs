//! Attributes for parts of arrays, flags, hidden counts, fields of older versions and tuple structs. The bytes are
//! written by hand.

use std::collections::VecDeque;
use std::fmt::Debug;

use vmstate::Info;
use vmstate::Wire;
use vmstate::description::{Count, CountSource};
use vmstate::info::array::Each;
use vmstate::prelude::*;
use vmstate::schema::Release;

use super::{check_truncation, described, load, loaded, refused, save};

fn loaded_at<T: VmState>(mut fresh: T, bytes: &[u8], version: u32) -> T {
    load(&mut fresh, bytes, version).unwrap();
    fresh
}

/// A byte whose bits are turned over on the wire, and that cannot be 0xff.
#[derive(Debug)]
struct Inverted;

impl Info<u8> for Inverted {
    const NAME: &'static str = "inverted";

    fn put(value: &u8, to: &mut Writer) -> Result<(), SaveError> {
        if *value == 0xff {
            return Err(SaveError::rejected("cannot be 0xff"));
        }
        to.u8(!value);
        Ok(())
    }

    fn get(value: &mut u8, from: &mut Reader<'_>) -> Result<(), LoadError> {
        match from.u8()? {
            0 => Err(LoadError::malformed("anything but 0", 0)),
            byte => {
                *value = !byte;
                Ok(())
            }
        }
    }
}

#[derive(VmState, Default, Debug, PartialEq, Clone, Copy)]
struct Inner {
    #[vmstate(with = Inverted)]
    value: u8,
}

const FIRST: usize = 1;

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "dev")]
struct Parts {
    #[vmstate(range = 1..3)]
    numbers: [u16; 4],
    #[vmstate(range = FIRST..FIRST + 1)]
    table: [[u8; 2]; 3],
    #[vmstate(buffer, range = ..2)]
    front: [u8; 4],
    #[vmstate(buffer, range = 3..)]
    back: [u8; 4],
    #[vmstate(range = 1..3)]
    structs: [Inner; 3],
    #[vmstate(range = 2.., with = Inverted)]
    infos: [u8; 3],
}

fn parts() -> Parts {
    let inner = |value| Inner { value };
    Parts {
        numbers: [0, 0x0102, 0x0304, 0],
        table: [[0, 0], [5, 6], [0, 0]],
        front: [7, 8, 0, 0],
        back: [0, 0, 0, 9],
        structs: [inner(0), inner(1), inner(2)],
        infos: [0, 0, 3],
    }
}

#[test]
fn parts_of_arrays() {
    let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0xfe, 0xfd, 0xfc];
    assert_eq!(save(&mut parts()), bytes);
    assert_eq!(loaded(Parts::default(), &bytes), parts());
    let other = Parts { numbers: [77; 4], ..Parts::default() };
    assert_eq!(loaded(other, &bytes).numbers, [77, 0x0102, 0x0304, 77], "elements outside of the part stay");
    check_truncation::<Parts>(&bytes, Parts::DESCRIPTION.version);
    assert_eq!(refused(Parts::default(), &bytes[..3]).path(), "dev.numbers[2]");
    let error = refused(Parts::default(), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 0]);
    assert_eq!((error.path().as_str(), error.offset()), ("dev.structs[2].value", Some(10)));
    let error = Parts { infos: [0, 0, 0xff], ..parts() }.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.path(), "dev.infos[2]");
}

#[test]
fn parts_are_described_by_their_own_length() {
    let text = described(&mut parts(), Release::Qemu7_2);
    for field in [
        r#"{"name": "numbers", "array_len": 2, "type": "uint16", "size": 2}"#,
        r#"{"name": "table", "array_len": 2, "type": "uint8", "size": 1}"#,
        r#"{"name": "front", "type": "buffer", "size": 2}"#,
        r#"{"name": "back", "type": "buffer", "size": 1}"#,
        r#"{"name": "structs", "array_len": 2, "type": "struct", "#,
        r#"{"name": "infos", "type": "inverted", "size": 1}"#,
    ] {
        assert!(text.contains(field), "{field} in {text}");
    }
    assert_eq!(Parts::DESCRIPTION.fields[1].form.count, Count::Fixed(2));
}

#[derive(VmState, Default, Debug, PartialEq, Clone, Copy)]
#[vmstate(transparent)]
struct Irq(u16);

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(transparent)]
struct Wrapper<T: Wire> {
    inner: T,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "dev")]
struct Tuple(
    u8,
    #[vmstate(name = "flag")] bool,
    #[vmstate(skip = "a cache")] u64,
    #[vmstate(len = 0, max = 4)] Vec<Irq>,
    [Irq; 2],
    Wrapper<Inner>,
    #[vmstate(subsection("dev/extra"))] Option<u8>,
);

fn tuple() -> Tuple {
    Tuple(1, true, 0, vec![Irq(2)], [Irq(3), Irq(4)], Wrapper { inner: Inner { value: 5 } }, None)
}

#[test]
fn tuple_and_transparent_structs() {
    let bytes = [1, 1, 0, 2, 0, 3, 0, 4, 0xfa];
    assert_eq!(save(&mut tuple()), bytes);
    assert_eq!(loaded(Tuple::default(), &bytes), tuple());
    let mut device = Tuple { 6: Some(7), ..tuple() };
    let whole = save(&mut device);
    assert_eq!(loaded(Tuple::default(), &whole), device);
    check_truncation::<Tuple>(&bytes, Tuple::DESCRIPTION.version);
    let text = described(&mut tuple(), Release::Qemu7_2);
    for field in [
        r#"{"name": "0", "type": "uint8", "size": 1}, {"name": "flag", "type": "bool", "size": 1}"#,
        r#"{"name": "3", "type": "uint16", "size": 2}"#,
        r#"{"name": "4", "array_len": 2, "type": "uint16", "size": 2}"#,
        r#"{"name": "5", "type": "struct", "struct": {"vmsd_name": "Inner", "#,
    ] {
        assert!(text.contains(field), "{field} in {text}");
    }
    assert_eq!(<Irq as Wire>::FIXED, Some(2));
    assert_eq!(refused(Tuple::default(), &[5, 0]).path(), "dev.3");
    assert_eq!(refused(Tuple::default(), &[1, 1, 0, 2, 0, 3, 0]).path(), "dev.4[1]");
}

/// A set of flags as the crate `bitflags` would write it.
#[derive(Default, Debug, PartialEq, Clone, Copy)]
struct Flags(u16);

impl Flags {
    const ALL: u16 = 0x8003;

    fn bits(&self) -> u16 {
        self.0
    }

    fn from_bits(bits: u16) -> Option<Self> {
        (bits & !Self::ALL == 0).then_some(Self(bits))
    }
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "dev")]
struct Flagged {
    #[vmstate(bits = u16)]
    one: Flags,
    #[vmstate(bits = u16)]
    many: [Flags; 2],
    #[vmstate(bits = u16)]
    table: [[Flags; 1]; 2],
}

#[test]
fn sets_of_flags() {
    let device = || Flagged { one: Flags(0x8001), many: [Flags(1), Flags(2)], table: [[Flags(3)], [Flags(0)]] };
    let bytes = [0x80, 1, 0, 1, 0, 2, 0, 3, 0, 0];
    assert_eq!(save(&mut device()), bytes);
    assert_eq!(loaded(Flagged::default(), &bytes), device());
    check_truncation::<Flagged>(&bytes, Flagged::DESCRIPTION.version);
    let error = refused(Flagged::default(), &[0, 4]);
    assert_eq!((error.path().as_str(), error.found(), error.offset()), ("dev.one", "0x4", Some(0)));
    assert!(error.expected().ends_with("Flags`"), "{error}");
    let error = refused(Flagged::default(), &[0, 1, 0, 1, 0x40, 1]);
    assert_eq!((error.path().as_str(), error.offset()), ("dev.many[1]", Some(4)));
    let text = described(&mut device(), Release::Qemu7_2);
    assert!(text.contains(r#"{"name": "one", "type": "uint16", "size": 2}, "#), "{text}");
    assert!(text.contains(r#"{"name": "many", "array_len": 2, "type": "uint16", "size": 2}"#), "{text}");
    assert!(text.contains(r#"{"name": "table", "array_len": 2, "type": "uint16", "size": 2}"#), "{text}");
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "dev", version = 2)]
struct Hidden {
    #[vmstate(count("nqueues": u16), max = 3)]
    queues: Vec<Inner>,
    #[vmstate(count("nbytes": u8), max = 300, since = 2, default)]
    bytes: VecDeque<u16>,
    #[vmstate(count("ninfos": i32), max = 2, with = Inverted)]
    infos: Box<[u8]>,
}

fn hidden() -> Hidden {
    Hidden { queues: vec![Inner { value: 1 }], bytes: [2, 3].into(), infos: Box::new([4]) }
}

#[test]
fn hidden_counts() {
    let bytes = [0, 1, 0xfe, 2, 0, 2, 0, 3, 0, 0, 0, 1, 0xfb];
    assert_eq!(save(&mut hidden()), bytes);
    assert_eq!(loaded(Hidden::default(), &bytes), hidden());
    let old = loaded_at(hidden(), &[0, 0, 0, 0, 0, 0], 1);
    assert_eq!(old, Hidden::default(), "the count has the same gate");
    check_truncation::<Hidden>(&bytes, Hidden::DESCRIPTION.version);
    assert_eq!(refused(Hidden::default(), &[0]).path(), "dev.nqueues");
    let error = refused(Hidden::default(), &[0, 4, 1]);
    assert_eq!((error.path().as_str(), error.expected()), ("dev.queues", "at most 3 (max = 3)"));
    assert!(refused(Hidden::default(), &[0, 0, 0, 0xff, 0xff, 0xff, 0xff]).found() == "-1");
}

#[test]
fn more_than_can_be_loaded_is_not_save() {
    let mut device = Hidden { queues: vec![Inner::default(); 4], ..hidden() };
    assert_eq!(device.save(&mut Writer::new()).unwrap_err().path(), "dev.nqueues");
    let mut device = Hidden { bytes: vec![0; 256].into(), ..hidden() };
    assert_eq!(
        device.save(&mut Writer::new()).unwrap_err().to_string(),
        "field dev.nbytes: count 256 does not fit its wire type"
    );
}

#[test]
fn hidden_counts_are_described() {
    let text = described(&mut hidden(), Release::Qemu7_2);
    let bytes = r#"{"name": "nbytes", "type": "uint8", "size": 1}, {"name": "bytes", "array_len": 2, "type": "uint16""#;
    assert!(text.contains(bytes), "{text}");
    let source = CountSource::new("nqueues").max(3);
    assert_eq!(Hidden::DESCRIPTION.fields[1].form.count, Count::Counted(source));
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "dev", version = 5, minimum_version = 3, load_old(min = 2, with = Self::load_old))]
#[vmstate(post_load = Self::post_load, removed("tail": [u8; 2], until = 3))]
struct Aged {
    #[vmstate(removed("scale": u8, until = 4, with = Self::take_scale))]
    #[vmstate(removed("mode": u8, since = 4, until = 4, with = Self::take_mode))]
    level: u16,
    #[vmstate(skip = "made of the level")]
    scaled: u16,
}

impl Aged {
    fn take_scale(&mut self, scale: u8) {
        self.scaled = u16::from(scale) * 100;
    }

    fn take_mode(&mut self, mode: u8) -> Result<(), String> {
        if mode > 1 { Err(format!("mode {mode}")) } else { Ok(()) }
    }

    fn load_old(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        self.level = u16::from(reader.u8()?);
        self.scaled = u16::try_from(version).unwrap_or_default();
        if self.level == 0 { Err(LoadError::malformed("a level", 0)) } else { Ok(()) }
    }

    fn post_load(&mut self) {
        self.scaled += 1;
    }
}

#[derive(VmState, Default, Debug, PartialEq)]
struct Holder {
    #[vmstate(versioned = 4)]
    aged: Aged,
}

#[test]
fn removed_fields_are_read_and_not_written() {
    let aged = |level, scaled| Aged { level, scaled };
    assert_eq!(save(&mut aged(0x0102, 0)), [1, 2]);
    assert_eq!(loaded(Aged::default(), &[1, 2]), aged(0x0102, 1));
    assert_eq!(loaded_at(Aged::default(), &[3, 1, 1, 2], 4), aged(0x0102, 301));
    assert_eq!(loaded_at(Aged::default(), &[3, 1, 2, 9, 9], 3), aged(0x0102, 301));
    let error = Aged::default().load(&mut Reader::from_slice(&[3, 2, 1, 2]), 4).unwrap_err();
    assert_eq!((error.path().as_str(), error.found(), error.offset()), ("dev.mode", "mode 2", Some(1)));
    let error = Aged::default().load(&mut Reader::from_slice(&[3, 1, 2, 9]), 3).unwrap_err();
    assert!(error.is_truncated() && error.path().starts_with("dev.tail"), "{error}");
    assert_eq!(save(&mut Holder { aged: aged(0x0102, 0) }), [0, 0, 1, 2], "the layout of version 4 is kept");
    assert_eq!(loaded(Holder::default(), &[2, 1, 1, 2]).aged, aged(0x0102, 201));
    let fields = Aged::DESCRIPTION.fields.iter().map(|field| (field.name, field.since, field.until));
    let expected = [("scale", 0, Some(4)), ("mode", 4, Some(4)), ("level", 0, None), ("tail", 0, Some(3))];
    assert_eq!(fields.collect::<Vec<_>>(), expected);
}

#[test]
fn versions_below_minimum_use_the_old_loader() {
    let loaded = loaded_at(Aged::default(), &[7], 2);
    assert_eq!(loaded, Aged { level: 7, scaled: 2 }, "and no hook runs");
    assert_eq!(Aged::DESCRIPTION.oldest_version, Some(2));
    for (version, bytes) in [(1, &[7][..]), (6, &[7]), (2, &[0]), (2, &[])] {
        let error = Aged::default().load(&mut Reader::from_slice(bytes), version).unwrap_err();
        assert!(error.path() == "dev" && error.offset() == Some(0), "{error}");
    }
}

/// Types as in another crate.
mod foreign {
    #[derive(Default, Debug, PartialEq, Clone, Copy)]
    pub(super) struct Clock {
        pub(super) value: u32,
        pub(super) cache: [u64; 2],
        pub(super) levels: [u16; 3],
    }
}

#[derive(VmState)]
#[vmstate(name = "clock", remote = foreign::Clock, version = 2)]
struct ClockMirror {
    value: u32,
    #[vmstate(since = 2, range = 1..3)]
    levels: [u16; 3],
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "dev")]
struct Clocked {
    #[vmstate(with = ClockMirror)]
    clock: foreign::Clock,
    #[vmstate(with = Each<ClockMirror>)]
    clocks: [foreign::Clock; 2],
}

#[test]
fn types_of_other_crates_have_remote_definitions() {
    let clock = |value| foreign::Clock { value, cache: [0; 2], levels: [0, 1, 2] };
    let device = || Clocked { clock: clock(5), clocks: [clock(6), clock(7)] };
    let bytes = [0, 0, 0, 5, 0, 1, 0, 2, 0, 0, 0, 6, 0, 1, 0, 2, 0, 0, 0, 7, 0, 1, 0, 2];
    assert_eq!(save(&mut device()), bytes);
    assert_eq!(loaded(Clocked::default(), &bytes), device());
    check_truncation::<Clocked>(&bytes, Clocked::DESCRIPTION.version);
    assert_eq!(refused(Clocked::default(), &bytes[..14]).path(), "dev.clocks[0].levels[2]");
    let text = described(&mut device(), Release::Qemu7_2);
    let levels = r#"{"name": "levels", "array_len": 2, "type": "uint16", "size": 2}"#;
    let value = r#"{"name": "value", "type": "uint32", "size": 4}"#;
    let inner = format!(
        r#""type": "struct", "struct": {{"vmsd_name": "clock", "version": 2, "fields": [{value}, {levels}]}}, "size": 8}}"#
    );
    assert!(text.contains(&format!(r#"{{"name": "clock", {inner}"#)), "{text}");
    assert!(text.contains(&format!(r#"{{"name": "clocks", "array_len": 2, {inner}"#)), "{text}");
}
