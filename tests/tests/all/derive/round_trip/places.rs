//! Places inside of members, opaque values, counted padding, and fields that changed their type.

use proptest::prelude::*;
use vmstate::prelude::*;

use super::Peer;
use super::mixed::{Part, part};

const CTRL: usize = 2;

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(
    name = "places",
    version = 4,
    minimum_version = 2,
    field("regs[CTRL]": u32 = regs[CTRL]),
    field("regs[0]": [u32; 4] = regs, range = ..2),
    field("table[1]": u8 = table[1][0], since = 3, default = 9),
    subsection("places/mode", version = 3, was(..=2 => 1, ..=3 => 2), needed = |device| device.mode != 0)
)]
pub(super) struct Places {
    count: u16,
    #[vmstate(unused(before = count * 3, after = count, max = 4))]
    #[vmstate(removed("level": u16, until = 3, with = |device, level| device.set_level(level), from = Self::wide_level))]
    #[vmstate(since = 4)]
    level: u8,
    #[vmstate(inline)]
    eeprom: Eeprom,
    #[vmstate(field("parts[0].y": u32 = parts[0].y))]
    #[vmstate(opaque = "parts")]
    parts: [Part; 2],
    #[vmstate(buffer, opaque = "pci config")]
    config: [u8; 3],
    #[vmstate(wire = u16, len = count, max = 4)]
    sizes: Vec<usize>,
    #[vmstate(timer, len = count)]
    timers: [Option<u64>; 4],
    #[vmstate(count("nflags": u8), max = 3, wire = u8)]
    flags: Vec<bool>,
    #[vmstate(versioned = 1)]
    olds: [Old; 2],
    #[vmstate(in = "places/mode")]
    mode: u8,
    #[vmstate(in = "places/mode", since = 3)]
    submode: u8,
    #[vmstate(skip = "sent in parts")]
    regs: [u32; 4],
    #[vmstate(skip = "sent in parts")]
    table: [[u8; 2]; 2],
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "old", version = 2)]
struct Old {
    a: u8,
    #[vmstate(since = 2)]
    b: u8,
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(versions = parent)]
struct Eeprom {
    tick: u8,
    #[vmstate(since = 3, default = 7)]
    address: u16,
}

impl Places {
    fn set_level(&mut self, level: u16) -> Result<(), std::num::TryFromIntError> {
        self.level = level.try_into()?;
        Ok(())
    }

    fn wide_level(&self) -> u16 {
        self.level.into()
    }
}

impl Peer for Places {}

prop_compose! {
    fn of_count(count: usize)(
        sizes in prop::collection::vec(0..=0xffff_usize, count),
        timers in prop::collection::vec(prop::option::of(0..u64::MAX), count),
    ) -> (Vec<usize>, [Option<u64>; 4]) {
        (sizes, std::array::from_fn(|index| timers.get(index).copied().flatten()))
    }
}

prop_compose! {
    pub(super) fn states()(count in 0..=4_usize)(
        (sizes, timers) in of_count(count),
        (level, config, olds) in any::<(u8, [u8; 3], [u8; 2])>(),
        parts in [part(), part()],
        flags in prop::collection::vec(any::<bool>(), 0..=3),
        (mode, submode) in prop_oneof![Just((0, 0)), (1..=u8::MAX, any::<u8>())],
        (regs, place) in any::<([u32; 3], u8)>(),
        (tick, address) in any::<(u8, u16)>(),
        count in Just(count),
    ) -> Places {
        Places {
            count: u16::try_from(count).unwrap(),
            level, parts, config, sizes, timers, flags, mode, submode,
            eeprom: Eeprom { tick, address },
            olds: olds.map(|a| Old { a, b: 0 }),
            // Elements without a field have the values of a new device.
            regs: [regs[0], regs[1], regs[2], 0],
            table: [[0, 0], [place, 0]],
        }
    }
}
