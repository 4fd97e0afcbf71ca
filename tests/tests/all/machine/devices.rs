//! The machine of these tests: devices with all features that complicate loads and rollback.

use std::sync::{Arc, Mutex};

use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;

/// Pages of 256 bytes, so that a whole machine is a few kilobytes.
pub(super) const PAGE: u64 = 256;

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "fifo")]
pub(super) struct Fifo {
    pub(super) count: u8,
    #[vmstate(len = count, max = 8)]
    pub(super) data: Vec<u8>,
    #[vmstate(subsection("fifo/overrun", needed = Self::overran))]
    pub(super) overrun: u16,
}

impl Fifo {
    fn overran(&self) -> bool {
        self.overrun > 0
    }
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "serial", version = 3, minimum_version = 2, post_load = Self::rearm, pre_load = Self::clear)]
pub(super) struct Serial {
    pub(super) divider: u16,
    #[vmstate(until = 2)]
    pub(super) old: u8,
    #[vmstate(since = 3)]
    pub(super) fcr: u8,
    #[vmstate(subsection("serial/pending", needed = Self::is_pending))]
    pub(super) pending: i32,
    #[vmstate(subsection("serial/recv_fifo"))]
    pub(super) fifo: Option<Fifo>,
    #[vmstate(timer)]
    pub(super) timeout: Option<u64>,
    #[vmstate(skip = "follows from `divider`")]
    pub(super) rate: u32,
}

impl Serial {
    fn clear(&mut self) {
        self.rate = 0;
    }

    fn rearm(&mut self) -> Result<(), &'static str> {
        if self.divider == 0xdead {
            return Err("an unsupported divider");
        }
        assert_ne!(self.divider, 0xbeef, "this divider makes the hook panic");
        self.rate = 115_200 / u32::from(self.divider.max(1));
        Ok(())
    }

    fn is_pending(&self) -> bool {
        self.pending > 2
    }
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "pic", version = 1, priority = Apic)]
pub(super) struct Pic {
    #[vmstate(equal)]
    pub(super) lines: u32,
    #[vmstate(le)]
    pub(super) used: i32,
    pub(super) table: [u32; 6],
    pub(super) pins: [bool; 4],
}

/// The devices of one machine.
#[derive(Clone, Debug)]
pub(super) struct Board {
    pub(super) ram: Vec<VecBlock>,
    pub(super) uarts: [Serial; 2],
    pub(super) pic: Arc<Mutex<Pic>>,
}

impl PartialEq for Board {
    fn eq(&self, other: &Self) -> bool {
        let pics = *self.pic.lock().unwrap() == *other.pic.lock().unwrap();
        pics && (&self.ram, &self.uarts) == (&other.ram, &other.uarts)
    }
}

impl Board {
    /// A machine that has been running for a while.
    pub(super) fn busy() -> Self {
        let mut ram = vec![VecBlock::new("ram", vec![0; 6 * 256]), VecBlock::new("rom", vec![0x13; 2 * 256])];
        ram[0].bytes()[..256].fill(0x55);
        ram[0].bytes()[700] = 1;
        let fifo = Fifo { count: 3, data: vec![1, 2, 5], overrun: 5 };
        let first = Serial { divider: 12, old: 0, fcr: 1, pending: 5, fifo: Some(fifo), timeout: Some(99), rate: 9600 };
        let second = Serial { divider: 1, rate: 115_200, timeout: None, ..Serial::default() };
        let pic = Pic { lines: 24, used: 3, table: [1, 2, 3, 4, 5, 6], pins: [true, false, true, false] };
        Self { ram, uarts: [first, second], pic: Arc::new(Mutex::new(pic)) }
    }

    /// Returns a machine whose devices differ from [`busy`](Self::busy) in all fields that may differ.
    pub(super) fn other() -> Self {
        let mut ram = vec![VecBlock::new("ram", vec![0; 6 * 256]), VecBlock::new("rom", vec![0; 2 * 256])];
        ram[0].bytes()[256..3 * 256].fill(0xaa);
        ram[1].bytes()[3] = 9;
        let fifo = Fifo { count: 1, data: vec![7], overrun: 0 };
        let first = Serial { divider: 3, old: 8, fcr: 0, pending: 1, fifo: None, timeout: None, rate: 38_400 };
        let second =
            Serial { divider: 6, pending: 2, fifo: Some(fifo), timeout: Some(1), rate: 19_200, ..Serial::default() };
        let pic = Pic { lines: 24, used: 7, table: [9; 6], pins: [false; 4] };
        Self { ram, uarts: [first, second], pic: Arc::new(Mutex::new(pic)) }
    }

    pub(super) fn machine(&mut self) -> Machine<'_> {
        let mut machine = Machine::with_type("board");
        let [first, second] = &mut self.uarts;
        machine.register_ram(PageSize::new(PAGE).unwrap(), &mut self.ram[..]).unwrap();
        machine.register("serial", first).unwrap();
        machine.register("serial", second).unwrap();
        machine.register("pic", self.pic.clone()).unwrap();
        machine
    }

    pub(super) fn saved(&mut self) -> Vec<u8> {
        let mut stream = Vec::new();
        self.machine().save(&mut stream).unwrap();
        stream
    }

    /// A copy that shares nothing.
    pub(super) fn copy(&self) -> Self {
        let pic = Arc::new(Mutex::new(self.pic.lock().unwrap().clone()));
        Self { pic, ..self.clone() }
    }
}

#[test]
fn machine_loads_another_ones_state() {
    let (mut source, mut destination) = (Board::busy(), Board::other());
    let stream = source.saved();
    let loaded = destination.machine().load(&stream[..]).unwrap();
    assert_eq!(loaded.sections, 5, "RAM has a start and an end");
    assert!(loaded.missing.is_empty() && loaded.description.is_some());
    assert_eq!(destination.saved(), stream);
    destination.uarts[0].old = source.uarts[0].old;
    destination.uarts[1].pending = source.uarts[1].pending;
    assert_eq!(destination, source, "all fields in the stream");
}

#[test]
fn sections_are_ordered_by_priority() {
    let mut board = Board::busy();
    let machine = board.machine();
    let sections: Vec<_> = machine.sections().collect();
    assert_eq!(sections, [("pic", 0), ("ram", 0), ("serial", 0), ("serial", 1)]);
}

#[test]
fn machine_is_compared_with_a_stream() {
    use vmstate::dynamic::StreamDecoder;
    use vmstate::dynamic::diff::{Snapshot, StateDifference, compare};
    use vmstate::schema::vmdesc::Document;

    let mut board = Board::busy();
    let stream = board.saved();
    let loaded = board.machine().load(&stream[..]).unwrap();
    let description = Document::parse(loaded.description.unwrap().as_bytes(), 0).unwrap();
    let mut reader = Reader::from_slice(&stream);
    let saved = Snapshot::read(&mut StreamDecoder::new(&mut reader, Some(description)).unwrap()).unwrap();
    assert_eq!(compare(&saved, &Snapshot::from_machine(&mut board.machine()).unwrap()).count(), 0);

    board.uarts[1].divider = 77;
    board.ram[0].bytes()[300] = 4;
    let now = Snapshot::from_machine(&mut board.machine()).unwrap();
    let differences: Vec<_> = compare(&saved, &now).collect();
    let [StateDifference::Section(serial), StateDifference::Block(ram)] = &differences[..] else {
        panic!("{differences:?}")
    };
    assert_eq!((serial.name, serial.instance_id, &*serial.fields[0].path), ("serial", 1, "divider"));
    assert_eq!(ram.name, "ram");
}
