//! Values with another encoding, and values that not every number represents.

use std::cell::{Cell, RefCell};
use std::num::{NonZero, Wrapping};
use std::rc::Rc;

use proptest::prelude::*;
use vmstate::Info;
use vmstate::info::array::Each;
use vmstate::prelude::*;

use super::Peer;
use super::mixed::{Part, part};

#[derive(VmState, Debug, Clone, PartialEq)]
#[vmstate(name = "values")]
pub(super) struct Values {
    #[vmstate(wire = u32)]
    size: usize,
    #[vmstate(wire = i16)]
    sizes: [u64; 2],
    #[vmstate(bits = u16)]
    flags: Flags,
    #[vmstate(bits = u8)]
    sets: [[Small; 2]; 1],
    #[vmstate(equal)]
    id: u16,
    #[vmstate(equal = "start both sides with the same queues")]
    queues: i32,
    #[vmstate(le)]
    level: i32,
    #[vmstate(with = Nibbles)]
    nibbles: (u8, u8),
    #[vmstate(with = Each<Nibbles>)]
    pairs: [(u8, u8); 2],
    #[vmstate(with = PointMirror)]
    point: foreign::Point,
    #[vmstate(with = Each<PointMirror>)]
    points: [foreign::Point; 2],
    mode: Mode,
    modes: [Mode; 2],
    irq: Irq,
    boxed: Box<u16>,
    wrapping: Wrapping<u8>,
    cell: Cell<u32>,
    shared: Rc<RefCell<Part>>,
    positive: NonZero<u16>,
}

/// A set of flags as the crate `bitflags` would write it.
#[derive(Default, Debug, PartialEq, Clone, Copy)]
struct Flags(u16);

impl Flags {
    fn bits(&self) -> u16 {
        self.0
    }

    fn from_bits(bits: u16) -> Option<Self> {
        (bits & !0x8003 == 0).then_some(Self(bits))
    }
}

#[derive(Default, Debug, PartialEq, Clone, Copy)]
struct Small(u8);

impl Small {
    fn bits(&self) -> u8 {
        self.0
    }

    fn from_bits(bits: u8) -> Option<Self> {
        (bits < 8).then_some(Self(bits))
    }
}

/// Two numbers in one byte, the second of which is not 15.
struct Nibbles;

impl Info<(u8, u8)> for Nibbles {
    const NAME: &'static str = "nibbles";
    const SIZE: Option<usize> = Some(1);

    fn put(value: &(u8, u8), to: &mut Writer) -> Result<(), SaveError> {
        to.u8(value.0 << 4 | value.1);
        Ok(())
    }

    fn get(value: &mut (u8, u8), from: &mut Reader<'_>) -> Result<(), LoadError> {
        let byte = from.u8()?;
        if byte & 15 == 15 {
            return Err(LoadError::malformed("a nibble below 15", byte));
        }
        *value = (byte >> 4, byte & 15);
        Ok(())
    }
}

/// Types as in another crate.
mod foreign {
    #[derive(Default, Debug, PartialEq, Clone, Copy)]
    pub(super) struct Point {
        pub(super) x: u32,
        pub(super) y: i8,
    }
}

#[derive(VmState)]
#[vmstate(name = "point", remote = foreign::Point)]
struct PointMirror {
    x: u32,
    y: i8,
}

#[derive(VmState, Clone, Copy, Debug, PartialEq, Default)]
#[repr(i16)]
enum Mode {
    #[default]
    Off = -2,
    On = 300,
}

#[derive(VmState, Default, Debug, PartialEq, Clone, Copy)]
#[vmstate(transparent)]
struct Irq(u16);

impl Default for Values {
    fn default() -> Self {
        Self {
            size: 0,
            sizes: [0; 2],
            flags: Flags(0),
            sets: [[Small(0); 2]],
            id: 0,
            queues: 0,
            level: 0,
            nibbles: (0, 0),
            pairs: [(0, 0); 2],
            point: foreign::Point::default(),
            points: [foreign::Point::default(); 2],
            mode: Mode::Off,
            modes: [Mode::Off; 2],
            irq: Irq(0),
            boxed: Box::default(),
            wrapping: Wrapping(0),
            cell: Cell::default(),
            shared: Rc::default(),
            positive: NonZero::<u16>::MIN,
        }
    }
}

impl Peer for Values {
    /// Equal in the fields that must match, with the highest level.
    fn peer(&self) -> Self {
        Self { id: self.id, queues: self.queues, level: i32::MAX, ..Self::default() }
    }
}

fn nibbles() -> impl Strategy<Value = (u8, u8)> {
    (0..16_u8, 0..15_u8)
}

fn point() -> impl Strategy<Value = foreign::Point> {
    any::<(u32, i8)>().prop_map(|(x, y)| foreign::Point { x, y })
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Off), Just(Mode::On)]
}

prop_compose! {
    pub(super) fn states()(
        (size, sizes) in (0..=0xffff_ffff_usize, [0..=0x7fff_u64, 0..=0x7fff_u64]),
        (flags, sets) in (any::<u16>(), any::<[u8; 2]>()),
        (id, queues, level) in (any::<u16>(), any::<i32>(), 0..=i32::MAX),
        (nibbles, pairs) in (nibbles(), [nibbles(), nibbles()]),
        (point, points) in (point(), [point(), point()]),
        (mode, modes) in (mode(), [mode(), mode()]),
        (irq, boxed, wrapping, cell, positive) in any::<(u16, u16, u8, u32, NonZero<u16>)>(),
        shared in part(),
    ) -> Values {
        Values {
            size, sizes, id, queues, level, nibbles, pairs, point, points, mode, modes, positive,
            flags: Flags(flags & 0x8003),
            sets: [sets.map(|set| Small(set % 8))],
            irq: Irq(irq),
            boxed: Box::new(boxed),
            wrapping: Wrapping(wrapping),
            cell: Cell::new(cell),
            shared: Rc::new(RefCell::new(shared)),
        }
    }
}
