//! Rollback after a failed load: a checkpoint restores state that a stream does not contain.

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
