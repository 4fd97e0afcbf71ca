//! Collections: counted arrays, sized buffers, bitmaps, byte arrays, versioned structs, and numbers of another type on
//! the wire. The bytes are written by hand.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::num::{NonZero, Wrapping};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use vmstate::description::{Count, CountSource, Kind, Pointers};
use vmstate::prelude::*;
use vmstate::schema::{DescriptionWriter, Release};

use super::{any_bytes, check_any_bytes, loaded, refused, save};

/// The fields' descriptions as QEMU 7.2 writes them.
fn described<T: VmState>(device: &mut T) -> String {
    let text = super::described(device, Release::Qemu7_2);
    let (_, fields) = text.split_once("\"fields\": ").unwrap();
    fields.to_owned()
}

#[derive(VmState, Default, Debug, PartialEq, Clone)]
struct Queue {
    size: u16,
    ready: bool,
}

#[derive(VmState, Default, Debug, PartialEq, Clone)]
struct Counted {
    nregs: u8,
    nqueues: i32,
    #[vmstate(len = nregs, max = 8)]
    regs: Vec<u16>,
    #[vmstate(len = nregs * 2)]
    front: [u8; 6],
    #[vmstate(len = nqueues, max = 4)]
    queues: VecDeque<Queue>,
    #[vmstate(len = nqueues, max = 4)]
    boxed: Box<[Queue]>,
    last: u8,
}

fn counted() -> Counted {
    let queue = |size| Queue { size, ready: size > 5 };
    Counted {
        nregs: 2,
        nqueues: 1,
        regs: vec![0x0102, 0x0304],
        front: [1, 2, 3, 4, 0, 0],
        queues: [queue(5)].into(),
        boxed: [queue(6)].into(),
        last: 0xff,
    }
}

#[test]
fn counted_arrays() {
    let bytes = [2, 0, 0, 0, 1, 1, 2, 3, 4, 1, 2, 3, 4, 0, 5, 0, 0, 6, 1, 0xff];
    assert_eq!(save(&mut counted()), bytes);
    assert_eq!(loaded(Counted::default(), &bytes), counted());
    let other = Counted { regs: vec![9; 5], queues: vec![Queue::default(); 3].into(), ..Counted::default() };
    assert_eq!(loaded(other, &bytes), counted(), "the previous state makes no difference");
    for length in 0..bytes.len() {
        assert!(refused(Counted::default(), &bytes[..length]).is_truncated());
    }
}

#[test]
fn counted_arrays_are_described_as_in_qemu() {
    let mut device = counted();
    assert!(described(&mut device).contains(r#"{"name": "regs", "array_len": 2, "type": "uint16", "size": 2}"#));
    device = Counted { nregs: 1, regs: vec![1], ..device };
    assert!(described(&mut device).contains(r#"{"name": "regs", "type": "uint16", "size": 2}"#));
    device = Counted { nregs: 0, regs: vec![], ..device };
    assert!(!described(&mut device).contains("\"regs\""), "{}", described(&mut device));
    assert_eq!(Counted::DESCRIPTION.fields[2].form.count, Count::Counted(CountSource::new("nregs").max(8)));
    assert_eq!(
        Counted::DESCRIPTION.fields[3].form.count,
        Count::Counted(CountSource::new("nregs").multiply(2).capacity(Some(6)))
    );
}

#[test]
fn oversized_count_error_names_the_field() {
    let error = refused(Counted::default(), &[9, 0, 0, 0, 0]);
    assert_eq!((error.path().as_str(), error.expected(), error.found()), ("Counted.regs", "at most 8 (max = 8)", "9"));
    let error = refused(Counted::default(), &[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!((error.path().as_str(), error.found()), ("Counted.front", "4 * 2"));
    let error = refused(Counted::default(), &[0, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!((error.path().as_str(), error.found()), ("Counted.queues", "-1"));
    let error = refused(Counted::default(), &[0, 0, 0, 0, 2, 0, 5]);
    assert_eq!((error.path().as_str(), error.offset()), ("Counted.queues[0].ready", Some(7)));
}

#[test]
fn a_count_that_is_wrong_cannot_be_save() {
    let error = Counted { nregs: 3, ..counted() }.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.path(), "Counted.regs");
}

#[derive(VmState, Default, Debug, PartialEq)]
struct Buffers {
    size: u32,
    words: u8,
    #[vmstate(buffer(len = size, max = 16))]
    data: Vec<u8>,
    #[vmstate(buffer(len = words, multiply = 4))]
    front: [u8; 8],
    #[vmstate(byte_array(max = 3))]
    bytes: Vec<u8>,
}

#[test]
fn sized_buffers() {
    let device = || Buffers { size: 3, words: 1, data: vec![7, 8, 9], front: [1, 2, 3, 4, 0, 0, 0, 0], bytes: vec![5] };
    let bytes = [0, 0, 0, 3, 1, 7, 8, 9, 1, 2, 3, 4, 0, 0, 0, 1, 5];
    assert_eq!(save(&mut device()), bytes);
    assert_eq!(loaded(Buffers::default(), &bytes), device());
    let text = described(&mut device());
    assert!(text.contains(r#"{"name": "data", "type": "buffer", "size": 3}"#), "{text}");
    assert!(text.contains(r#"{"name": "bytes", "type": "GByteArray", "size": 5}"#), "{text}");
    assert_eq!(refused(Buffers::default(), &[0, 0, 0, 17, 0]).path(), "Buffers.data");
    assert_eq!(refused(Buffers::default(), &[0, 0, 0, 0, 3]).path(), "Buffers.front");
    assert_eq!(refused(Buffers::default(), &[0, 0, 0, 0, 0, 0, 0, 0, 4]).path(), "Buffers.bytes");
    assert!(Buffers { bytes: vec![0; 4], ..device() }.save(&mut Writer::new()).is_err());
}

#[derive(VmState, Default, Debug, PartialEq)]
struct Bitmaps {
    nbits: i32,
    #[vmstate(bitmap(bits = 65))]
    fixed: [u64; 2],
    #[vmstate(bitmap(bits = nbits, max = 128))]
    grown: Vec<u64>,
}

#[test]
fn bitmaps() {
    for (nbits, words) in [(0, 0), (1, 1), (63, 1), (64, 1), (65, 2)] {
        let device = || Bitmaps { nbits, fixed: [1, 0x8000_0000_0000_0001], grown: vec![5; words] };
        let bytes = save(&mut device());
        assert_eq!(bytes.len(), 4 + 16 + 8 * words, "{nbits}");
        assert_eq!(bytes[4..12], 1_u64.to_be_bytes(), "the lowest bits first, each word big-endian");
        assert_eq!(loaded(Bitmaps::default(), &bytes), device());
        let text = described(&mut device());
        assert!(text.contains(r#"{"name": "fixed", "type": "bitmap", "size": 16}"#), "{text}");
    }
    let error = refused(Bitmaps::default(), &[&[0, 0, 0, 129][..], &[0; 16]].concat());
    assert_eq!((error.path().as_str(), error.expected()), ("Bitmaps.grown", "at most 128 (max = 128)"));
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(version = 2)]
struct Inner {
    a: u8,
    #[vmstate(since = 2)]
    b: u8,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(version = 7)]
struct Outer {
    plain: Inner,
    #[vmstate(versioned = 1)]
    old: Inner,
    #[vmstate(versioned = 2)]
    new: Inner,
}

#[test]
fn struct_version_defaults_to_its_own() {
    let inner = |a, b| Inner { a, b };
    let mut device = Outer { plain: inner(1, 2), old: inner(3, 4), new: inner(5, 6) };
    assert_eq!(save(&mut device), [1, 2, 3, 5, 6]);
    let expected = Outer { old: inner(3, 0), plain: inner(1, 2), new: inner(5, 6) };
    assert_eq!(loaded(Outer::default(), &[1, 2, 3, 5, 6]), expected);
    let text = described(&mut device);
    let old = r#"{"name": "old", "type": "vstruct", "vmsd_name": "Inner", "version": 1, "fields": [{"name": "a", "#;
    assert!(text.contains(old), "{text}");
}

#[derive(VmState, Default, Debug, PartialEq)]
struct Converted {
    #[vmstate(wire = u32)]
    size: usize,
    #[vmstate(wire = u8)]
    flag: bool,
    #[vmstate(wire = i16)]
    numbers: [u64; 2],
}

#[test]
fn numbers_of_another_type_on_the_wire() {
    let device = || Converted { size: 70_000, flag: true, numbers: [1, 2] };
    let bytes = [0, 1, 0x11, 0x70, 1, 0, 1, 0, 2];
    assert_eq!(save(&mut device()), bytes);
    assert_eq!(loaded(Converted::default(), &bytes), device());
    assert!(described(&mut device()).contains(r#"{"name": "size", "type": "uint32", "size": 4}"#));
    let error = Converted { numbers: [0, 40_000], ..device() }.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.path(), "Converted.numbers[1]");
    assert_eq!(refused(Converted::default(), &[0, 0, 0, 0, 2]).path(), "Converted.flag");
    assert_eq!(refused(Converted::default(), &[0, 0, 0, 0, 1, 0xff, 0xff]).path(), "Converted.numbers[0]");
}

#[derive(VmState, Default, Debug)]
struct Wrapped {
    boxed: Box<u16>,
    wrapping: Wrapping<u8>,
    cell: Cell<u8>,
    ref_cell: RefCell<Queue>,
    shared: Arc<Mutex<Queue>>,
    atomic: AtomicU16,
    shared_atomic: Arc<AtomicU16>,
}

#[test]
fn wrappers_do_not_change_the_bytes() {
    let bytes = [1, 2, 3, 4, 5, 6, 1, 7, 8, 0, 9, 10, 11, 12];
    let mut device = loaded(Wrapped::default(), &bytes);
    assert_eq!((*device.boxed, device.wrapping.0, device.cell.get()), (0x0102, 3, 4));
    assert_eq!(*device.shared.lock().unwrap(), Queue { size: 0x0708, ready: false });
    assert_eq!(device.shared_atomic.load(Ordering::Relaxed), 0x0b0c);
    assert_eq!(save(&mut device), bytes);
    let held = Arc::clone(&device.shared);
    let _ = std::thread::spawn(move || {
        let _guard = held.lock();
        panic!("poison it");
    })
    .join();
    assert_eq!(device.save(&mut Writer::new()).unwrap_err().path(), "Wrapped.shared");
    assert_eq!(refused(device, &bytes).path(), "Wrapped.shared");
}

proptest! {
    #[test]
    fn any_wrapped_values_survive_the_wire(mut bytes: [u8; 14]) {
        // The two that are `bool` are saved as 0 or 1.
        bytes[6] &= 1;
        bytes[9] &= 1;
        prop_assert_eq!(save(&mut loaded(Wrapped::default(), &bytes)), bytes);
    }
}

#[derive(VmState, Debug, PartialEq)]
struct Positive {
    value: NonZero<u16>,
}

#[test]
fn nonzero_rejects_zero() {
    let device = || Positive { value: NonZero::<u16>::MIN };
    assert_eq!(loaded(device(), &[0, 5]).value.get(), 5);
    let error = refused(device(), &[0, 0]);
    assert_eq!((error.path().as_str(), error.expected()), ("Positive.value", "a number other than zero"));
}

#[derive(VmState, Default, Debug, PartialEq)]
struct Slots {
    count: u32,
    #[vmstate(pointer, len = count, max = 3)]
    counted: Vec<Option<Box<u8>>>,
    #[vmstate(pointer(alloc))]
    made: [Option<Box<Queue>>; 2],
}

#[test]
fn pointers() {
    let queue = || Some(Box::new(Queue { size: 0x0a0b, ready: true }));
    let device = || Slots { count: 2, counted: vec![Some(Box::new(7)), None], made: [None, queue()] };
    let bytes = [0, 0, 0, 2, 7, 0x30, 0x30, 0x31, 0x0a, 0x0b, 1];
    assert_eq!(save(&mut device()), bytes);
    let fresh = Slots { counted: vec![Some(Box::new(0)), None], made: [queue(), None], count: 0 };
    assert_eq!(loaded(fresh, &bytes), device());
    let form = Slots::DESCRIPTION.fields[2].form;
    assert_eq!((form.pointers, form.count), (Pointers::Marked, Count::Fixed(2)));
    assert!(matches!(form.kind, Kind::Struct(_)));
}

proptest! {
    #[test]
    fn any_bytes_are_rejected_or_a_state(bytes in any_bytes()) {
        check_any_bytes(Counted::default, &bytes);
        check_any_bytes(Buffers::default, &bytes);
        check_any_bytes(Bitmaps::default, &bytes);
        check_any_bytes(Outer::default, &bytes);
        check_any_bytes(Converted::default, &bytes);
        check_any_bytes(Switch::default, &bytes);
        check_any_bytes(|| Slots { counted: vec![Some(Box::new(0)), None], ..Slots::default() }, &bytes);
    }

    #[test]
    fn any_counted_device_survives_the_wire(
        regs in prop::collection::vec(any::<u16>(), 0..=3),
        queues in prop::collection::vec((any::<u16>(), any::<bool>()), 0..=4),
        front: [u8; 6],
        last: u8,
    ) {
        let queues: Vec<_> = queues.into_iter().map(|(size, ready)| Queue { size, ready }).collect();
        let nregs = u8::try_from(regs.len()).unwrap();
        let nqueues = i32::try_from(queues.len()).unwrap();
        let boxed = queues.clone().into_boxed_slice();
        let mut device = Counted { nregs, nqueues, regs, front, queues: queues.into(), boxed, last };
        let bytes = save(&mut device);
        let fresh = Counted { front, ..Counted::default() };
        prop_assert_eq!(loaded(fresh, &bytes), device);
    }
}

#[derive(VmState, Clone, Copy, Debug, PartialEq, Default)]
#[repr(u8)]
enum Mode {
    #[default]
    Off,
    On = 5,
}

#[derive(VmState, Debug, PartialEq, Default)]
#[vmstate(must_exist("level is below 4", Self::is_low))]
struct Switch {
    mode: Mode,
    modes: [Mode; 2],
    level: u8,
}

impl Switch {
    fn is_low(&self) -> bool {
        self.level < 4
    }
}

#[test]
fn enums_accept_only_their_numbers() {
    let device = || Switch { mode: Mode::On, modes: [Mode::Off, Mode::On], level: 1 };
    assert_eq!(save(&mut device()), [5, 0, 5, 1]);
    assert_eq!(loaded(Switch::default(), &[5, 0, 5, 1]), device());
    assert!(described(&mut device()).contains(r#"{"name": "modes", "array_len": 2, "type": "uint8", "size": 1}"#));
    let error = refused(Switch::default(), &[5, 0, 1, 1]);
    assert_eq!((error.path().as_str(), error.offset()), ("Switch.modes[1]", Some(2)));
    assert_eq!((error.expected(), error.found()), ("one of Mode: Off, On", "1"));
}

#[test]
fn must_exist_is_checked_in_both_directions() {
    let error = Switch { level: 4, ..Switch::default() }.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.to_string(), "field Switch: \"level is below 4\" does not hold");
    let error = refused(Switch::default(), &[0, 0, 0, 4]);
    assert_eq!(error.expected(), "a state for which \"level is below 4\" holds");
    assert_eq!(error.qemu_message(), Some("Input validation failed: Switch/level is below 4 version_id: 1"));
}

#[derive(VmState, Default, Debug, PartialEq)]
struct Channels {
    #[vmstate(pointer)]
    css: [Option<Box<Queue>>; 4],
}

/// The form of `css` in the streams of s390x machines, where one of 256 slots is in use.
#[test]
fn pointers_are_described_as_each_release_does() {
    let mut device = Channels { css: [None, None, Some(Box::default()), None] };
    let null = r#"[{"name": "css", "array_len": 4, "type": "struct", "struct": {}, "size": 1}]"#;
    assert_eq!(described(&mut device), null, "7.2 describes the first element, null or not");

    let mut description = DescriptionWriter::new(Release::Qemu10_0, 4096, None);
    description.section("dev", 0, &mut device, &mut Writer::new()).unwrap();
    let runs = concat!(
        r#"[{"name": "css", "array_len": 2, "type": "nullptr", "size": 1}, "#,
        r#"{"name": "css", "type": "struct", "struct": {"vmsd_name": "Queue", "version": 1, "#,
        r#""fields": [{"name": "size", "type": "uint16", "size": 2}, {"name": "ready", "type": "bool", "size": 1}]}, "#,
        r#""size": 3}, {"name": "css", "type": "nullptr", "size": 1}]"#,
    );
    let text = description.finish();
    assert!(text.contains(runs), "10.0 begins anew where null ones follow others: {text}");
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(version = 3)]
struct Node {
    value: u8,
    #[vmstate(since = 3)]
    more: u8,
}

#[derive(VmState, Default, Debug, PartialEq)]
struct Lists {
    #[vmstate(list(max = 2, version = 2))]
    list: Vec<Node>,
}

#[test]
fn list_elements_load_at_the_fields_version() {
    let node = |value, more| Node { value, more };
    assert_eq!(save(&mut Lists { list: vec![node(1, 2), node(3, 4)] }), [1, 1, 2, 1, 3, 4, 0]);
    assert_eq!(loaded(Lists::default(), &[1, 1, 1, 3, 0]), Lists { list: vec![node(1, 0), node(3, 0)] });
    let error = refused(Lists::default(), &[1, 1, 1, 2, 1, 3, 0]);
    assert_eq!((error.path().as_str(), error.expected()), ("Lists.list", "at most 2 elements (max = 2)"));
    let mut two = Lists { list: vec![node(1, 2), node(3, 4)] };
    let list = concat!(
        r#"[{"name": "list", "type": "qtailq", "#,
        r#""vmsd_name": "Node", "version": 3, "fields": [{"name": "value", "type": "uint8", "size": 1}, "#,
        r#"{"name": "more", "type": "uint8", "size": 1}], "#,
        r#""vmsd_name": "Node", "version": 3, "fields": [{"name": "value", "type": "uint8", "size": 1}, "#,
        r#"{"name": "more", "type": "uint8", "size": 1}], "size": 7}]"#,
    );
    assert_eq!(described(&mut two), list, "the keys of each element are in the same object, as in QEMU");
}

#[derive(VmState, Debug, PartialEq)]
struct Vectors {
    #[vmstate(skip = "fixed when it is built")]
    vectors: u8,
    #[vmstate(len = vectors)]
    table: [u16; 4],
}

#[test]
fn count_known_to_both_sides_is_not_sent() {
    let device = || Vectors { vectors: 2, table: [1, 2, 0, 0] };
    assert_eq!(save(&mut device()), [0, 1, 0, 2]);
    assert_eq!(loaded(Vectors { vectors: 2, table: [0; 4] }, &[0, 1, 0, 2]), device());
}
