//! Traps of QEMU's format: its code differs from its names and comments, or from earlier releases. Each test fails for
//! an implementation that follows the names.

use std::collections::BTreeMap;

use vmstate::Temporary;
use vmstate::description::Kind;
use vmstate::dynamic::{StreamDecoder, StreamEvent};
use vmstate::machine::{LoadOptions, SaveOptions};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;
use vmstate::registry::{RegisterError, Registration};
use vmstate::schema::Release;
use vmstate::stream::{SectionHeader, SectionKind, StreamItem, StreamReader, StreamWriter};
use vmstate_tests::streams;

use super::{described, hex, load, save};

mod machines;

#[derive(VmState, Debug, Default, PartialEq, Clone)]
#[vmstate(name = "inner", version = 2)]
struct Inner {
    a: u8,
    #[vmstate(since = 2)]
    b: u8,
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "outer", version = 7)]
struct Outer {
    first: u8,
    inner: Inner,
}

/// A comment in QEMU's header claims that the outer version is passed down. It is not.
#[test]
fn trap_01_nested_struct_has_its_version() {
    let mut device = Outer { first: 1, inner: Inner { a: 2, b: 3 } };
    assert_eq!(save(&mut device), [1, 2, 3]);
    for version in 1..=7 {
        let mut loaded = Outer::default();
        load(&mut loaded, &[1, 2, 3], version).unwrap();
        assert_eq!(loaded, device, "at the outer version {version}");
    }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "asked", version = 3)]
struct Asked {
    has: bool,
    #[vmstate(when = Self::has)]
    value: u8,
}

impl Asked {
    fn has(&self) -> bool {
        self.has
    }
}

/// `field_exists` alone decides. (`since` with `when` does not compile.)
#[test]
fn trap_02_predicate_ignores_the_version() {
    for version in 1..=3 {
        let mut device = Asked::default();
        load(&mut device, &[1, 9], version).unwrap();
        assert_eq!(device, Asked { has: true, value: 9 }, "at version {version}");
        load(&mut device, &[0], version).unwrap();
        assert_eq!(device, Asked { has: false, value: 9 }, "at version {version}");
    }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Dev {
    #[vmstate(subsection("dev/new", version = 3, minimum_version = 2))]
    new: Option<u8>,
    #[vmstate(subsection("dev-extras"))]
    extras: Option<u8>,
}

/// `vmstate_subsection_load` reads 32 bits into a `uint8_t`.
#[test]
fn trap_03_subsection_version_is_one_byte() {
    for (version, loads) in [("00000003", true), ("00000103", true), ("ffffff02", true), ("00000100", false)] {
        let wire = hex(&format!("05 07 6465762f6e6577 {version} 09"));
        let loaded = load(&mut Dev::default(), &wire, 1);
        assert_eq!(loaded.is_ok(), loads, "{version}");
    }
}

/// The slash is never looked at.
#[test]
fn trap_04_subsection_name_starts_with_its_parent() {
    let mut device = Dev { extras: Some(9), ..Dev::default() };
    let wire = hex("05 0a 6465762d657874726173 00000001 09");
    assert_eq!(save(&mut device), wire);
    let mut loaded = Dev::default();
    load(&mut loaded, &wire, 1).unwrap();
    assert_eq!(loaded, device);
    // `device/x` does not belong to `dev`, but is treated as an unknown subsection of it.
    let error = load(&mut Dev::default(), &hex("05 08 6465766963652f78 00000001"), 1).unwrap_err();
    assert_eq!(error.qemu_message(), Some("VM subsection 'device/x' in 'dev' does not exist"));
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "configuration", version = 1, minimum_version = 0)]
struct Configuration {
    len: u32,
    #[vmstate(buffer(len = len, max = 255))]
    name: Vec<u8>,
}

/// Its version is not on the wire, and QEMU does not take the description's.
#[test]
fn trap_05_the_configuration_is_loaded_at_version_0() {
    assert!(Configuration::DESCRIPTION.fields.iter().all(|field| field.exists_at(0)));
    for stream in streams::all() {
        let mut reader = Reader::from_slice(&stream.bytes);
        reader.skip(9).unwrap();
        let mut configuration = Configuration::default();
        configuration.load(&mut reader, 0).unwrap();
        let machine = String::from_utf8(configuration.name.clone()).unwrap();
        let read = StreamReader::new(&mut Reader::from_slice(&stream.bytes)).unwrap().configuration().cloned();
        assert_eq!(read.unwrap().machine, machine, "{}", stream.name);
        assert!(stream.bytes[9..].starts_with(&save(&mut configuration)), "{}", stream.name);
    }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "agreed")]
struct Agreed {
    #[vmstate(equal)]
    id: u64,
    #[vmstate(le)]
    level: i32,
}

/// A slip that can never be mended, for the name is in every stream.
#[test]
fn trap_06_the_unsigned_64_bit_equal_is_called_int64() {
    assert_eq!(Agreed::DESCRIPTION.fields[0].form.kind, Kind::Info("int64 equal"));
    let text = described(&mut Agreed::default(), Release::Qemu10_0);
    assert!(text.contains(r#"{"name": "id", "type": "int64 equal", "size": 8}"#), "{text}");
    // And it is compared without a sign.
    let error = load(&mut Agreed { id: u64::MAX, level: 0 }, &[0; 12], 1).unwrap_err();
    assert_eq!(error.qemu_message(), Some("ffffffffffffffff != 0"));
}

/// It means "less or equal"; QEMU's own script that reads streams takes it for "little endian".
#[test]
fn trap_07_int32_le_is_big_endian() {
    let mut device = Agreed { id: 0, level: 0x0102_0304 };
    let wire = hex("0000000000000000 01020304");
    assert_eq!(save(&mut device), wire);
    let mut loaded = Agreed { id: 0, level: i32::MAX };
    load(&mut loaded, &wire, 1).unwrap();
    assert_eq!(loaded, device);
    assert_eq!(Agreed::DESCRIPTION.fields[1].form.kind, Kind::Info("int32 le"));
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "holders")]
struct Holders {
    #[vmstate(list(max = 4, version = 1))]
    list: Vec<Inner>,
    #[vmstate(tree(direct, max = 4, version = 1))]
    tree: BTreeMap<u64, Inner>,
    #[vmstate(tmp = Sum)]
    sum: u8,
}

/// QEMU's temporaries have no version in their fields; so both directions have all of them.
#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "sum", version = 2)]
struct Sum {
    half: u8,
    #[vmstate(since = 2)]
    other: u8,
}

impl Temporary<Holders> for Sum {
    fn from_parent(parent: &Holders) -> Self {
        Self { half: parent.sum / 2, other: parent.sum - parent.sum / 2 }
    }

    fn apply(self, parent: &mut Holders) -> Result<(), LoadError> {
        parent.sum = self.half.wrapping_add(self.other);
        Ok(())
    }
}

#[test]
fn trap_08_elements_load_at_the_version_of_the_field() {
    let inner = |b| Inner { a: 2, b };
    let mut saved = Holders { list: vec![inner(3)], tree: [(4, inner(5))].into(), sum: 7 };
    assert_eq!(save(&mut saved), hex("01 02 03 00 00000001 01 0000000000000004 02 05 00 03 04"));
    let mut loaded = Holders::default();
    load(&mut loaded, &hex("01 02 00 00000001 01 0000000000000004 02 00 03 04"), 1).unwrap();
    assert_eq!(loaded, Holders { list: vec![inner(0)], tree: [(4, inner(0))].into(), sum: 7 });
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "pointers")]
struct Pointers {
    #[vmstate(pointer)]
    known: [Option<Box<u32>>; 1],
    #[vmstate(pointer(alloc))]
    made: [Option<Box<u32>>; 1],
}

fn pointers(known: Option<u32>, made: Option<u32>) -> Pointers {
    Pointers { known: [known.map(Box::new)], made: [made.map(Box::new)] }
}

/// A byte `0x30` is a marker where the slot is null here, and the first byte of a value where it is not.
#[test]
fn trap_09_markers_precede_null_slots_only() {
    let mut device = pointers(Some(0), Some(0));
    load(&mut device, &hex("30000001 30"), 1).unwrap();
    assert_eq!(device, pointers(Some(0x3000_0001), None));
    load(&mut device, &hex("31000002 31 00000003"), 1).unwrap();
    assert_eq!(device, pointers(Some(0x3100_0002), Some(3)));
    let mut device = pointers(None, None);
    load(&mut device, &hex("30 30"), 1).unwrap();
    assert_eq!(device, pointers(None, None));
    assert!(load(&mut device, &hex("31 00000001 30"), 1).is_err(), "nothing is made where both sides must know");
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "hooked", pre_save = Self::hook, pre_load = Self::hook, post_load = Self::hook)]
struct Hooked {
    #[vmstate(skip = "result of the hooks")]
    returns: i32,
}

impl Hooked {
    /// Fails with any number but zero, as in C.
    fn hook(&mut self) -> Result<(), i32> {
        if self.returns == 0 { Ok(()) } else { Err(self.returns) }
    }
}

/// Old QEMUs fail when a hook returns anything but zero, new ones when it returns less. An `Err` always fails.
#[test]
fn trap_10_hook_fails_with_err() {
    for returns in [-1, 1, 0] {
        assert_eq!(Hooked { returns }.save(&mut Writer::new()).is_ok(), returns == 0);
        assert_eq!(load(&mut Hooked { returns }, &[], 1).is_ok(), returns == 0);
    }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "maybe", needed = Self::is_on)]
struct Maybe {
    on: bool,
}

impl Maybe {
    fn is_on(&self) -> bool {
        self.on
    }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "holder")]
struct Holder {
    maybe: Maybe,
    last: u8,
}

/// `needed` applies to sections and subsections. A struct in a field is always sent.
#[test]
fn trap_11_needed_omits_sections_not_fields() {
    let saved = |on| {
        let mut registry = Machine::new();
        registry.register("maybe", Maybe { on }).unwrap();
        registry.register("holder", Holder { maybe: Maybe { on }, last: 7 }).unwrap();
        whole(&mut registry, SaveOptions::new())
    };
    assert_eq!(names(&saved(true)), ["maybe", "holder"]);
    let without = saved(false);
    assert_eq!(names(&without), ["holder"]);
    let (mut maybe, mut holder) = (Maybe { on: true }, Holder::default());
    let mut registry = Machine::new();
    registry.register("maybe", &mut maybe).unwrap();
    registry.register("holder", &mut holder).unwrap();
    registry.load(&without[..]).unwrap();
    drop(registry);
    assert_eq!((maybe.on, holder.last), (true, 7), "missing fields keep their values");

    assert_eq!(save(&mut Holder { maybe: Maybe { on: false }, last: 9 }), [0, 9]);
    let mut loaded = Holder::default();
    load(&mut loaded, &[0, 9], 1).unwrap();
    assert_eq!(loaded.last, 9);
}

/// The stream of a machine.
fn whole(registry: &mut Machine<'_>, options: SaveOptions) -> Vec<u8> {
    let mut stream = Vec::new();
    registry.save_with(&mut stream, options).unwrap();
    stream
}

/// The sections of a stream, in their order, each as often as it comes.
fn headers(stream: &[u8]) -> Vec<SectionHeader> {
    let mut reader = Reader::from_slice(stream);
    let mut walk = StreamDecoder::new(&mut reader, None).unwrap();
    let mut headers = Vec::new();
    while let Some(event) = walk.next_event().unwrap() {
        if let StreamEvent::Section { header, .. } | StreamEvent::Ram(header) = event {
            headers.push(header);
        }
    }
    headers
}

fn names(stream: &[u8]) -> Vec<String> {
    headers(stream).into_iter().map(|header| header.name).collect()
}
