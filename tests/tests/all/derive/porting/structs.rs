//! Nested structs, arrays of structs, and pointers.

use super::*;

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Structs {
    level: bool,
    fifo: Fifo,
    #[vmstate(when = Self::has_level)]
    extra: Fifo,
    boxed: Box<Fifo>,
    #[vmstate(pointer, when = Self::has_port)]
    port: Option<Box<Fifo>>,
    fifos: [Fifo; 2],
    grid: [[Fifo; 1]; 2],
    #[vmstate(range = 1..2)]
    some: [Fifo; 3],
    known: Box<[Fifo; 2]>,
    #[vmstate(versioned = 1)]
    old: Fifo,
    start: u8,
    #[vmstate(tmp = Length)]
    end: u8,
}

impl Structs {
    fn has_level(&self) -> bool {
        self.level
    }

    fn has_port(&self) -> bool {
        self.port.is_some()
    }
}

/// The wire has a length, and the struct an end.
#[derive(VmState)]
struct Length {
    length: u16,
}

impl Temporary<Structs> for Length {
    fn from_parent(parent: &Structs) -> Self {
        Self { length: u16::from(parent.end.saturating_sub(parent.start)) }
    }

    fn apply(self, parent: &mut Structs) -> Result<(), LoadError> {
        let end = u8::try_from(self.length).ok().and_then(|length| parent.start.checked_add(length));
        parent.end = end.ok_or_else(|| LoadError::malformed("a length that ends below 256", self.length))?;
        Ok(())
    }
}

#[test]
fn structs() {
    let device = |level, extra, port: Option<Fifo>| Structs {
        level,
        fifo: fifo(1),
        extra,
        boxed: Box::new(fifo(3)),
        port: port.map(Box::new),
        fifos: [fifo(5), fifo(6)],
        grid: [[fifo(7)], [fifo(8)]],
        some: [Fifo::default(), fifo(9), Fifo::default()],
        known: Box::new([fifo(0xa), fifo(0xb)]),
        old: Fifo { head: 0xc, tail: 0 },
        start: 0x20,
        end: 0x30,
    };
    let rest = "05f5 06f6 07f7 08f8 09f9 0afa 0bfb 0c 20 0010";
    let fresh = |port: Option<Fifo>| Structs { port: port.map(Box::new), ..Structs::default() };
    let whole = device(true, fifo(2), Some(fifo(4)));
    both_ways(whole, fresh(Some(Fifo::default())), &format!("01 01f1 02f2 03f3 04f4 {rest}"));
    both_ways(device(false, Fifo::default(), None), fresh(None), &format!("00 01f1 03f3 {rest}"));
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Many {
    count: u32,
    #[vmstate(len = count)]
    front: [Fifo; 4],
    #[vmstate(len = count, max = 64)]
    grown: Vec<Fifo>,
    #[vmstate(pointer)]
    numbers: [Option<Box<u16>>; 2],
    #[vmstate(pointer)]
    slots: [Option<Box<Fifo>>; 2],
    #[vmstate(pointer, len = count, max = 64)]
    ports: Vec<Option<Box<u16>>>,
    #[vmstate(pointer(alloc), len = count, max = 64)]
    made: Vec<Option<Box<Fifo>>>,
}

#[test]
fn many_structs_and_pointers() {
    let device = Many {
        count: 2,
        front: [fifo(1), fifo(2), Fifo::default(), Fifo::default()],
        grown: vec![fifo(3), fifo(4)],
        numbers: [None, Some(Box::new(5))],
        slots: [Some(Box::new(fifo(6))), None],
        ports: vec![Some(Box::new(7)), None],
        made: vec![None, Some(Box::new(fifo(8)))],
    };
    let fresh = Many {
        numbers: [None, Some(Box::default())],
        slots: [Some(Box::default()), None],
        ports: vec![Some(Box::default()), None],
        ..Many::default()
    };
    both_ways(device, fresh, "00000002 01f1 02f2 03f3 04f4 30 0005 06f6 30 0007 30 30 31 08f8");
}

/// All members of a struct, with the path as their names.
#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev", version = 2)]
struct Paths {
    #[vmstate(inline)]
    eeprom: Eeprom,
    level: u8,
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(versions = parent)]
struct Eeprom {
    tick: u8,
    #[vmstate(since = 2)]
    address: u16,
}

#[test]
fn members_with_paths() {
    both_ways(Paths { eeprom: Eeprom { tick: 7, address: 0x102 }, level: 9 }, Paths::default(), "07 0102 09");
}
