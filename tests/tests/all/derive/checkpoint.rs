//! Rollback after a failed load: a checkpoint restores state that a stream does not contain.

use vmstate::Info;
use vmstate::prelude::*;
use vmstate::walk;

fn saved<T: VmState>(device: &mut T) -> Vec<u8> {
    let mut out = Writer::new();
    device.save(&mut out).unwrap();
    out.take()
}

/// Loads `incoming` into a copy of `device`, rolls back, and compares the saved bytes and the whole device.
fn there_and_back<T: VmState + Clone + PartialEq + std::fmt::Debug>(device: &T, incoming: &mut T) {
    let mut tried = device.clone();
    let mut checkpoint = Writer::new();
    walk::checkpoint(&mut tried, &mut checkpoint).unwrap();
    assert!(!checkpoint.is_checkpoint(), "the writer can be used for streams again");
    tried.load(&mut Reader::from_slice(&saved(incoming)), T::DESCRIPTION.version).unwrap();
    assert_ne!(&tried, device, "the load changed nothing");
    walk::restore(&mut tried, checkpoint.pending()).unwrap();
    assert_eq!(&tried, device);
    assert_eq!(saved(&mut tried), saved(&mut device.clone()));
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "fifo")]
struct Fifo {
    head: u8,
    #[vmstate(subsection("fifo/overrun", needed = Self::overran))]
    overrun: u16,
}

impl Fifo {
    fn overran(&self) -> bool {
        self.overrun != 0
    }
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "dev", version = 3)]
struct Device {
    limit: u8,
    #[vmstate(until = 1)]
    old: u16,
    #[vmstate(removed("gone": u8, until = 1))]
    #[vmstate(since = 2)]
    new: u16,
    #[vmstate(ambiguous = "this is a test of it")]
    fifos: [Fifo; 2],
    /// Follows the last fifo, and looks like the start of a subsection.
    #[vmstate(ambiguous = "this is a test of it")]
    last: Fifo,
    five: u8,
    #[vmstate(le)]
    lines: i32,
    #[vmstate(subsection("dev/pending", needed = Self::is_pending))]
    pending: u32,
    #[vmstate(subsection("dev/timeout"))]
    timeout: Option<u64>,
    #[vmstate(subsection("dev/extra", absent = keep))]
    extra: Option<Fifo>,
}

impl Device {
    fn is_pending(&self) -> bool {
        self.pending > 7
    }
}

#[test]
fn unsent_fields_are_restored() {
    let before = Device { lines: 100, five: 5, pending: 3, ..Device::default() };
    let overrun = Fifo { head: 5, overrun: 9 };
    let mut incoming = Device {
        lines: 9,
        new: 4,
        fifos: [overrun.clone(), Fifo::default()],
        last: overrun.clone(),
        pending: 8,
        timeout: Some(12),
        extra: Some(overrun.clone()),
        five: 4,
        ..Device::default()
    };
    there_and_back(&before, &mut incoming);

    let lively = Device { timeout: Some(1), extra: Some(overrun), pending: 70, lines: 9, ..Device::default() };
    let mut quiet = Device { pending: 9, five: 2, ..Device::default() };
    there_and_back(&lively, &mut quiet);
}

#[test]
fn fields_of_older_versions_are_restored() {
    let before = Device { old: 7, new: 1, ..Device::default() };
    let mut tried = before.clone();
    let mut checkpoint = Writer::new();
    walk::checkpoint(&mut tried, &mut checkpoint).unwrap();
    let old = [1, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    tried.load(&mut Reader::from_slice(&old), 1).unwrap();
    assert_eq!(tried.old, 99);
    walk::restore(&mut tried, checkpoint.pending()).unwrap();
    assert_eq!(tried, before);
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(pre_save = Self::measure, pre_load = Self::clear, post_load = Self::follow)]
#[vmstate(must_exist("at most 9", Self::is_sane))]
struct Strict {
    value: u8,
    level: u8,
    #[vmstate(skip = "follows from `value`")]
    twice: u16,
}

impl Strict {
    fn measure(&mut self) -> Result<(), &'static str> {
        self.level = self.value / 2;
        if self.value == 200 { Err("not now") } else { Ok(()) }
    }

    fn clear(&mut self) -> Result<(), &'static str> {
        self.twice = 0;
        if self.value == 200 { Err("not now") } else { Ok(()) }
    }

    fn follow(&mut self) -> Result<(), &'static str> {
        self.twice = 2 * u16::from(self.value);
        if self.value == 200 { Err("not now") } else { Ok(()) }
    }

    fn is_sane(&self) -> bool {
        self.value <= 9
    }
}

#[test]
fn restoring_cannot_fail() {
    // A state that could be neither saved nor loaded.
    let mut tried = Strict { value: 200, level: 100, twice: 400 };
    let before = tried.clone();
    let mut checkpoint = Writer::new();
    walk::checkpoint(&mut tried, &mut checkpoint).unwrap();
    tried.value = 3;
    tried.load(&mut Reader::from_slice(&[5, 2]), 1).unwrap();
    assert_eq!((tried.value, tried.twice), (5, 10));
    assert!(tried.load(&mut Reader::from_slice(&[10, 2]), 1).is_err());
    walk::restore(&mut tried, checkpoint.pending()).unwrap();
    assert_eq!(tried, before, "derived state matches again");
}

/// A device with values that the stream does not contain, depending on other values of the stream.
#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "hidden", version = 2)]
struct Hidden {
    mode: u8,
    count: i32,
    #[vmstate(unused(before = count, max = 4))]
    #[vmstate(len = count)]
    ring: [u16; 4],
    #[vmstate(len = count, ambiguous = "this is a test of it")]
    fifos: [Fifo; 3],
    #[vmstate(buffer(len = count))]
    bytes: [u8; 6],
    #[vmstate(bitmap(bits = count))]
    bits: [u64; 2],
    #[vmstate(len = count, max = 4)]
    vector: Vec<u32>,
    #[vmstate(len = count, with = Rotated)]
    rotated: [u8; 3],
    #[vmstate(len = count, pointer)]
    pointers: [Option<Box<u8>>; 3],
    #[vmstate(len = count, pointer(alloc))]
    allocated: [Option<Box<u8>>; 3],
    #[vmstate(when = Self::is_on)]
    plain: u32,
    #[vmstate(when = Self::is_on, default = 7)]
    defaulted: u32,
    #[vmstate(when = Self::is_on, ambiguous = "this is a test of it")]
    overrun: Fifo,
    #[vmstate(when = Self::is_on, pointer)]
    target: Option<Box<u16>>,
    #[vmstate(when = Self::is_on, wire = u8)]
    narrow: usize,
    #[vmstate(until = 1)]
    old: u8,
    #[vmstate(versioned = 1)]
    fixed: Late,
    #[vmstate(byte_array(max = 8))]
    array: Vec<u8>,
    text: String,
    #[vmstate(equal)]
    words: [u16; 2],
    last: u8,
}

impl Hidden {
    fn is_on(&self) -> bool {
        self.mode == 1
    }
}

/// A struct whose newest field is absent at the version of its parent's field.
#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "late", version = 2)]
struct Late {
    early: u8,
    #[vmstate(since = 2, default = 9)]
    late: u8,
}

/// A custom info of variable size.
#[derive(Debug)]
struct Rotated;

impl Info<u8> for Rotated {
    const NAME: &'static str = "rotated";

    fn put(value: &u8, to: &mut Writer) -> Result<(), SaveError> {
        to.u8(value.rotate_left(4));
        Ok(())
    }

    fn get(value: &mut u8, from: &mut Reader<'_>) -> Result<(), LoadError> {
        *value = from.u8()?.rotate_left(4);
        Ok(())
    }
}

/// A device with `count` values in use.
fn hidden(mode: u8, count: u8, value: u8) -> Hidden {
    let pointer = || Some(Box::new(value));
    Hidden {
        mode,
        count: count.into(),
        ring: [value.into(); 4],
        fifos: [(); 3].map(|()| Fifo { head: value, overrun: value.into() }),
        bytes: [value; 6],
        bits: [u64::MAX / 255 * u64::from(value); 2],
        vector: vec![value.into(); count.into()],
        rotated: [value; 3],
        pointers: [pointer(), pointer(), pointer()],
        allocated: [pointer(), None, pointer()],
        plain: value.into(),
        defaulted: value.into(),
        overrun: Fifo { head: value, overrun: value.into() },
        target: Some(Box::new(value.into())),
        narrow: value.into(),
        old: value,
        fixed: Late { early: value, late: value },
        array: vec![value; count.into()],
        text: char::from(value).to_string(),
        words: [1, 2],
        last: value,
    }
}

#[test]
fn values_beyond_counts_and_predicates_are_restored() {
    there_and_back(&hidden(0, 0, 0x11), &mut hidden(1, 3, 0xee));
    there_and_back(&hidden(1, 3, 0x11), &mut hidden(0, 1, 0xee));
    let without_target = Hidden { target: None, ..hidden(0, 1, 0x11) };
    there_and_back(&without_target, &mut hidden(0, 2, 0xee));
}

#[test]
fn count_out_of_range_is_restored() {
    let before = Hidden { count: -1, vector: vec![1, 2, 3, 4, 5, 6], ..hidden(0, 0, 0x11) };
    let mut tried = before.clone();
    let mut checkpoint = Writer::new();
    walk::checkpoint(&mut tried, &mut checkpoint).unwrap();
    tried.load(&mut Reader::from_slice(&saved(&mut hidden(1, 3, 0xee))), 2).unwrap();
    walk::restore(&mut tried, checkpoint.pending()).unwrap();
    assert_eq!(tried, before);
}

/// A device with padding whose predicate depends on fields before and after it.
#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "gap")]
struct Gap {
    early: bool,
    #[vmstate(when = Self::is_wide, default, unused(before = 3))]
    wide: u8,
    late: bool,
}

impl Gap {
    fn is_wide(&self) -> bool {
        self.early || self.late
    }
}

#[test]
fn padding_of_other_size_does_not_shift_the_rest() {
    // The predicate holds when the checkpoint is created, and not when its bytes are read.
    let before = Gap { early: false, wide: 7, late: true };
    there_and_back(&before, &mut Gap { early: true, wide: 9, late: false });
}

/// A device with values that a load may replace, and members that are not migrated.
#[derive(VmState, Clone, Debug, PartialEq)]
#[vmstate(name = "replaced")]
struct Replaced {
    backend: Backend,
    #[vmstate(option)]
    request: Option<Request>,
    #[vmstate(list(max = 2))]
    queue: Vec<Request>,
}

#[derive(VmState, Clone, Debug, PartialEq)]
#[vmstate(name = "backend", repr = u8)]
enum Backend {
    Idle,
    Open {
        position: u32,
        #[vmstate(skip = "a handle of the host", reset = 5)]
        handle: u8,
    },
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "request")]
struct Request {
    sector: u16,
    #[vmstate(skip = "a tag of the host")]
    tag: u8,
}

fn open(handle: u8, tag: u8) -> Replaced {
    let request = |sector| Request { sector, tag };
    Replaced { backend: Backend::Open { position: 7, handle }, request: Some(request(1)), queue: vec![request(2)] }
}

/// Rolls `device` back after a load of `incoming`.
fn rolled_back(mut device: Replaced, mut incoming: Replaced) -> Replaced {
    let mut checkpoint = Writer::new();
    walk::checkpoint(&mut device, &mut checkpoint).unwrap();
    device.load(&mut Reader::from_slice(&saved(&mut incoming)), 1).unwrap();
    walk::restore(&mut device, checkpoint.pending()).unwrap();
    device
}

#[test]
fn only_replaced_values_lose_skipped_members() {
    let idle = Replaced { backend: Backend::Idle, request: None, queue: vec![] };
    assert_eq!(rolled_back(open(9, 9), idle.clone()), open(5, 0), "the members of the host are new");
    assert_eq!(rolled_back(idle.clone(), open(9, 9)), idle);
    let kept = rolled_back(open(9, 9), Replaced { backend: Backend::Open { position: 8, handle: 1 }, ..open(1, 1) });
    assert_eq!((&kept.backend, &kept.request), (&open(9, 9).backend, &open(9, 9).request));
    assert_eq!(kept.queue, open(9, 0).queue, "a load replaces all elements of a list");
}

/// A part whose hook panics for one level.
#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "fragile", post_load = Self::check)]
struct Fragile {
    level: u8,
    #[vmstate(skip = "follows from `level`")]
    twice: u16,
}

impl Fragile {
    fn check(&mut self) {
        assert_ne!(self.level, 3, "this level makes the hook panic");
        self.twice = 2 * u16::from(self.level);
    }
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "board")]
struct Board {
    first: u8,
    parts: [Fragile; 3],
    last: u8,
}

#[test]
fn panicking_hook_does_not_stop_the_restore() {
    let part = |level| Fragile { level, twice: 2 * u16::from(level) };
    let before = Board { first: 1, parts: [part(2), part(3), part(4)], last: 5 };
    let mut tried = before.clone();
    let mut checkpoint = Writer::new();
    walk::checkpoint(&mut tried, &mut checkpoint).unwrap();
    tried = Board { first: 9, parts: [part(9), part(9), part(9)], last: 9 };
    let error = walk::restore(&mut tried, checkpoint.pending()).unwrap_err();
    assert_eq!(error.found(), "a panic");
    let panicking = Fragile { level: 3, twice: 18 };
    assert_eq!(
        tried,
        Board { parts: [part(2), panicking, part(4)], ..before },
        "only derived state of one part differs"
    );
}

#[test]
fn restoring_fields_runs_no_hook() {
    let mut tried = Fragile { level: 3, twice: 0 };
    let mut checkpoint = Writer::new();
    walk::checkpoint(&mut tried, &mut checkpoint).unwrap();
    tried.level = 0;
    walk::restore_fields(&mut tried, checkpoint.pending()).unwrap();
    assert_eq!(tried, Fragile { level: 3, twice: 0 });
}

/// A device with values that may be unavailable when they are restored.
#[derive(VmState, Debug, Default)]
#[vmstate(name = "sharing")]
struct Sharing {
    first: u8,
    cell: std::rc::Rc<std::cell::RefCell<u8>>,
    lock: std::sync::Arc<std::sync::Mutex<u8>>,
    #[vmstate(with = Picky)]
    picky: u8,
    last: u8,
}

/// An info that cannot load all values that it saves.
#[derive(Debug)]
struct Picky;

impl Info<u8> for Picky {
    const NAME: &'static str = "picky";

    fn put(value: &u8, to: &mut Writer) -> Result<(), SaveError> {
        to.u8(*value);
        Ok(())
    }

    fn get(value: &mut u8, from: &mut Reader<'_>) -> Result<(), LoadError> {
        match from.u8()? {
            13 => Err(LoadError::malformed("another number", 13)),
            14 => panic!("14 panics"),
            number => {
                *value = number;
                Ok(())
            }
        }
    }
}

#[test]
fn unavailable_value_does_not_stop_the_restore() {
    for (leaked, picky, complete) in [(false, 1, true), (true, 1, false), (false, 13, false), (false, 14, false)] {
        let mut device = Sharing { first: 1, picky, last: 4, ..Sharing::default() };
        let mut checkpoint = Writer::new();
        walk::checkpoint(&mut device, &mut checkpoint).unwrap();
        (device.first, device.picky, device.last) = (9, 9, 9);
        *device.lock.lock().unwrap() = 9;
        let lock = device.lock.clone();
        let holder = move || {
            let _guard = lock.lock();
            panic!("poisons the lock");
        };
        std::thread::spawn(holder).join().unwrap_err();
        let cell = device.cell.clone();
        let borrowed = leaked.then(|| cell.borrow_mut());
        assert_eq!(walk::restore(&mut device, checkpoint.pending()).is_ok(), complete, "{picky}");
        drop(borrowed);
        let lock = *device.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        assert_eq!((device.first, lock, device.last), (1, 0, 4));
    }
}

/// A form that saves through `&self`, also into a checkpoint.
struct Whole;

impl Info<Pointed> for Whole {
    const NAME: &'static str = "whole";

    fn put(value: &Pointed, to: &mut Writer) -> Result<(), SaveError> {
        value.save_shared(to)
    }

    fn get(value: &mut Pointed, from: &mut Reader<'_>) -> Result<(), LoadError> {
        value.load(from, 1)
    }
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "pointed")]
struct Pointed {
    is_used: bool,
    #[vmstate(pointer, when = |this: &Self| this.is_used)]
    target: Option<Box<u8>>,
    #[vmstate(count("n": u8), max = 4)]
    items: Vec<u8>,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "holder")]
struct Holder {
    #[vmstate(with = Whole)]
    pointed: Pointed,
    last: u8,
}

#[test]
fn checkpoint_through_shared_reference_is_complete() {
    let device = |is_used, target: Option<u8>, items: &[u8]| Holder {
        pointed: Pointed { is_used, target: target.map(Box::new), items: items.to_vec() },
        last: target.unwrap_or(0),
    };
    there_and_back(&device(true, Some(3), &[1, 2]), &mut device(true, Some(4), &[5]));
    there_and_back(&device(false, Some(3), &[1, 2]), &mut device(true, Some(4), &[5]));
    there_and_back(&device(false, None, &[1]), &mut device(false, None, &[2, 3]));
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "label")]
struct Label {
    text: String,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "labelled")]
struct Labelled {
    label: Label,
    #[vmstate(buffer)]
    bytes: [u8; 9],
}

#[test]
fn bytes_like_a_subsection_are_restored() {
    let device = Labelled { label: Label { text: "a".into() }, bytes: *b"\x05\x07label/x" };
    there_and_back(&device, &mut Labelled::default());
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "allocating", pre_load = |this: &mut Self| this.target = Some(Box::new(0)))]
struct Allocating {
    is_used: bool,
    #[vmstate(pointer, when = |this: &Self| this.is_used)]
    target: Option<Box<u8>>,
}

#[test]
fn value_that_a_hook_allocates_is_dropped_again() {
    let mut incoming = Allocating { is_used: true, target: Some(Box::new(4)) };
    there_and_back(&Allocating::default(), &mut incoming);
}
