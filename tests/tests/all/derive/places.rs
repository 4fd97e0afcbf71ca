//! Fields beyond a list of members: places inside of members, opaque values, counted padding, and closures as functions.

use vmstate::Info;
use vmstate::description::{Count, Kind};
use vmstate::info::array::Boxed;
use vmstate::prelude::*;
use vmstate::schema::Release;

use super::{any_bytes, check_any_bytes, check_truncation, described, load, save};

const CTRL: usize = 2;

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "channel")]
struct Channel {
    mode: u8,
    #[vmstate(skip = "the first channel's value is sent by the device")]
    disabled: u16,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(
    name = "dev",
    version = 2,
    field("regs[CTRL]": u32 = regs[CTRL]),
    field("regs[0]": [u32; 4] = regs, range = 1..3),
    field("nested": u8 = table[1][0], since = 2, default = 9),
    subsection("dev/group", always)
)]
struct Places {
    #[vmstate(field("channels[0].disabled": u16 = channels[0].disabled, unused(before = 1)))]
    channels: [Channel; 2],
    #[vmstate(subsection("dev/regs", needed = |device| device.regs[0] != 0))]
    regs: Box<[u32; 4]>,
    #[vmstate(in = "dev/group", field("table[0][1]": u8 = table[0][1], when = |device| device.last > 5))]
    last: u8,
    #[vmstate(skip = "sent in parts")]
    table: [[u8; 2]; 2],
}

fn places() -> Places {
    let channel = |mode, disabled| Channel { mode, disabled };
    Places {
        channels: [channel(1, 0x0203), channel(4, 0)],
        regs: Box::new([0, 5, 6, 7]),
        last: 8,
        table: [[0, 10], [11, 0]],
    }
}

#[test]
fn places_inside_of_members_are_fields() {
    let group = b"\x05\x09dev/group\0\0\0\x01\x0a\x08";
    let fields = [0, 2, 3, 1, 4, 0, 0, 0, 6, 0, 0, 0, 5, 0, 0, 0, 6, 11];
    let bytes = [&fields[..], group].concat();
    assert_eq!(save(&mut places()), bytes);
    let mut loaded = Places { last: 8, ..Places::default() };
    load(&mut loaded, &bytes, 2).unwrap();
    assert_eq!(loaded, Places { regs: Box::new([0, 5, 6, 0]), ..places() }, "elements without a field stay");

    let mut all = Places { regs: Box::new([1, 5, 6, 7]), last: 0, ..places() };
    let bytes = save(&mut all);
    assert!(bytes[18..].starts_with(b"\x05\x08dev/regs"), "{:?}", &bytes[18..]);
    let mut loaded = Places::default();
    load(&mut loaded, &bytes, 2).unwrap();
    assert_eq!(loaded, Places { table: [[0, 0], [11, 0]], ..all });
    check_truncation::<Places>(&save(&mut Places::default())[..18], 2);
}

#[test]
fn missing_field_of_old_version_gets_default() {
    let bytes = [0, 2, 3, 1, 4, 0, 0, 0, 6, 0, 0, 0, 5, 0, 0, 0, 6];
    let mut loaded = Places::default();
    load(&mut loaded, &bytes, 1).unwrap();
    assert_eq!(loaded.table[1][0], 9);
    let error = Places::default().load(&mut Reader::from_slice(&bytes[..6]), 1).unwrap_err();
    assert_eq!((error.path().as_str(), error.offset()), ("dev.regs[CTRL]", Some(5)));
}

#[test]
fn places_are_described_by_their_names() {
    let text = described(&mut places(), Release::Qemu7_2);
    let names = ["unused", "channels[0].disabled", "channels", "mode", "regs[CTRL]", "regs[0]", "nested"];
    let mut rest = text.as_str();
    for name in names {
        let (_, after) = rest.split_once(&format!(r#"{{"name": "{name}""#)).unwrap_or_else(|| panic!("{name}: {text}"));
        rest = after;
    }
    assert!(text.contains(r#"{"name": "regs[0]", "array_len": 2, "type": "uint32", "size": 4}"#), "{text}");
}

proptest::proptest! {
    #[test]
    fn any_bytes_for_places(bytes in any_bytes()) {
        check_any_bytes(Places::default, &bytes);
    }

    #[test]
    fn any_bytes_for_padding(bytes in any_bytes()) {
        check_any_bytes(Padding::default, &bytes);
    }
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "virtio")]
struct Inner {
    status: u8,
    #[vmstate(subsection("virtio/broken"))]
    broken: Option<bool>,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "virtio-blk", version = 2)]
struct Opaque {
    #[vmstate(buffer, opaque = "pci config")]
    config: [u8; 2],
    #[vmstate(wire = u32, opaque = "pci irq state", since = 2)]
    pins: [bool; 2],
    #[vmstate(opaque = "virtio")]
    virtio: Inner,
}

#[test]
fn opaque_values_are_one_value_of_an_info() {
    let mut device = Opaque { config: [1, 2], pins: [false, true], virtio: Inner { status: 3, broken: Some(true) } };
    let bytes = [&[1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 3][..], b"\x05\x0dvirtio/broken\0\0\0\x01\x01"].concat();
    assert_eq!(save(&mut device), bytes);
    let mut loaded = Opaque::default();
    load(&mut loaded, &bytes, 2).unwrap();
    assert_eq!(loaded, device);

    let error = Opaque::default().load(&mut Reader::from_slice(&bytes[..10]), 2).unwrap_err();
    assert_eq!(error.path(), "virtio-blk.virtio.status");
    let text = described(&mut device, Release::Qemu7_2);
    for field in [
        r#"{"name": "config", "type": "pci config", "size": 2}"#,
        r#"{"name": "pins", "type": "pci irq state", "size": 8}"#,
        r#"{"name": "virtio", "type": "virtio", "size": 21}"#,
    ] {
        assert!(text.contains(field), "{field} in {text}");
    }
    let kinds = Opaque::DESCRIPTION.fields.iter().map(|field| (field.form.kind, field.form.size));
    assert!(kinds.eq([
        (Kind::Info("pci config"), Some(2)),
        (Kind::Info("pci irq state"), Some(8)),
        (Kind::Info("virtio"), None)
    ]));
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Padding {
    count: u16,
    #[vmstate(unused(before = count * 3, after = count, max = 4))]
    value: u8,
}

#[test]
fn padding_may_be_counted() {
    let bytes = [0, 2, 0, 0, 0, 0, 0, 0, 7, 0, 0];
    let mut device = Padding { count: 2, value: 7 };
    assert_eq!(save(&mut device), bytes);
    let mut loaded = Padding::default();
    load(&mut loaded, &[0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1).unwrap();
    assert_eq!(loaded, device);
    check_truncation::<Padding>(&bytes, 1);
    let text = described(&mut device, Release::Qemu7_2);
    assert!(text.contains(r#""array_len": 2, "type": "unused_buffer", "size": 3}"#), "{text}");

    let error = Padding::default().load(&mut Reader::from_slice(&[0, 5]), 1).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("at most 4 (max = 4)", "5"));
    assert!(Padding { count: 5, value: 0 }.save(&mut Writer::new()).is_err(), "it could not be loaded");
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "old", version = 3)]
struct Old {
    a: u8,
    #[vmstate(since = 2)]
    b: u8,
    #[vmstate(since = 3)]
    c: u8,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Elements {
    #[vmstate(versioned = 2)]
    structs: [[Old; 2]; 1],
    count: u8,
    #[vmstate(len = count, max = 4, wire = u16)]
    sizes: Vec<usize>,
    #[vmstate(len = count, timer)]
    timers: [Option<u64>; 2],
    #[vmstate(count("more": u8), max = 2, wire = u8)]
    flags: Vec<bool>,
    #[vmstate(range = 1.., timer)]
    last: [Option<u64>; 2],
    #[vmstate(range = 1..3)]
    boxed: Box<[u8; 4]>,
    #[vmstate(timer)]
    timer: Box<Option<u64>>,
}

#[test]
fn element_attributes_apply_to_elements() {
    let old = |a, b| Old { a, b, c: 0 };
    let mut device = Elements {
        structs: [[old(1, 2), old(3, 4)]],
        count: 1,
        sizes: vec![5],
        timers: [Some(6), None],
        flags: vec![true, false],
        last: [None, Some(7)],
        boxed: Box::new([0, 8, 9, 0]),
        timer: Box::new(None),
    };
    let bytes = super::hex("01020304 01 0005 0000000000000006 02 01 00 0000000000000007 0809 ffffffffffffffff");
    assert_eq!(save(&mut device), bytes);
    let mut loaded = Elements::default();
    load(&mut loaded, &bytes, 1).unwrap();
    assert_eq!(loaded, device);
    check_truncation::<Elements>(&bytes, 1);
    let error = Elements { sizes: vec![0x1_0000], ..device }.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.path(), "dev.sizes[0]");

    let structs = Elements::DESCRIPTION.fields[0].form;
    assert_eq!((structs.kind, structs.count), (Kind::Versioned(Old::DESCRIPTION, 2), Count::Fixed(2)));
}

/// A byte that is turned over on the wire.
#[derive(Debug)]
struct Inverted;

impl Info<u8> for Inverted {
    const NAME: &'static str = "inverted";

    fn put(value: &u8, to: &mut Writer) -> Result<(), SaveError> {
        to.u8(!value);
        Ok(())
    }

    fn get(value: &mut u8, from: &mut Reader<'_>) -> Result<(), LoadError> {
        *value = !from.u8()?;
        Ok(())
    }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(
    name = "dev",
    version = 4,
    minimum_version = 3,
    needed = |device| device.level != 0,
    pre_save = |device, version| device.note(version),
    post_load = |device: &mut Self| if device.level > 9 { Err("too high") } else { Ok(()) },
    must_exist("no more than 20", |device| device.level <= 20),
    load_old(min = 2, with = |device, reader, version| {
        device.level = reader.u8()?;
        device.note(version);
        Ok::<_, LoadError>(())
    }),
    removed("old": u8, until = 3, with = |device, old| device.level += old)
)]
struct Closures {
    #[vmstate(with = Boxed<Inverted>)]
    boxed: Box<u8>,
    level: u8,
    #[vmstate(when = |device, version| version < 4 || device.level == 2)]
    odd: u8,
    #[vmstate(since = 4, default = u8::MAX)]
    new: u8,
    #[vmstate(skip = "noted", reset = 1 + 1)]
    noted: u32,
}

impl Closures {
    fn note(&mut self, version: u32) {
        self.noted = version;
    }
}

#[test]
fn closures_are_functions_too() {
    let mut device = Closures { boxed: Box::new(1), level: 1, new: 3, ..Closures::default() };
    assert!(device.needed() && !Closures::default().needed());
    assert_eq!(save(&mut device), [0xfe, 1, 3]);
    assert_eq!(device.noted, 4);
    let mut loaded = Closures::default();
    load(&mut loaded, &[0xfe, 1, 7, 5], 3).unwrap();
    assert_eq!(loaded, Closures { boxed: Box::new(1), level: 6, odd: 7, new: 255, noted: 2 });
    load(&mut loaded, &[8], 2).unwrap();
    assert_eq!((loaded.level, loaded.noted), (8, 2));
    let error = loaded.load(&mut Reader::from_slice(&[0, 10, 0]), 4).unwrap_err();
    assert_eq!(error.found(), "too high");
    assert!(Closures { level: 21, ..Closures::default() }.save(&mut Writer::new()).is_err());
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Single {
    has_timer: bool,
    #[vmstate(pointer, when = |device| device.has_timer)]
    inner: Option<Box<Channel>>,
    #[vmstate(pointer)]
    always: Option<Box<u16>>,
}

#[test]
fn pointer_known_to_both_sides_is_not_sent() {
    let inner = Some(Box::new(Channel { mode: 7, disabled: 0 }));
    let mut device = Single { has_timer: true, inner, always: Some(Box::new(8)) };
    assert_eq!(save(&mut device), [1, 7, 0, 8]);
    let mut loaded = Single { inner: Some(Box::default()), always: Some(Box::new(0)), ..Single::default() };
    load(&mut loaded, &[1, 7, 0, 8], 1).unwrap();
    assert_eq!(loaded, device);
    load(&mut Single { always: Some(Box::new(0)), ..Single::default() }, &[0, 0, 8], 1).unwrap();

    let error = Single { always: Some(Box::new(0)), ..Single::default() }
        .load(&mut Reader::from_slice(&[1, 7]), 1)
        .unwrap_err();
    assert_eq!((error.path().as_str(), error.found(), error.offset()), ("dev.inner", "`None`", Some(1)));
    let error = Single { inner: None, ..device }.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.path(), "dev.inner");
    assert_eq!(Single::DESCRIPTION.fields[1].form.kind, Kind::Struct(Channel::DESCRIPTION));
}
