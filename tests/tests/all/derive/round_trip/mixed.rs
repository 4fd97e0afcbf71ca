//! The attributes that most devices need.

use proptest::prelude::*;
use vmstate::Wire;
use vmstate::prelude::*;

use super::Peer;

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "mixed", version = 3, subsection("mixed/group", needed = Self::has_group))]
pub(super) struct Mixed {
    flags: [bool; 3],
    small: i8,
    #[vmstate(since = 2)]
    words: [[u16; 2]; 2],
    long: i64,
    real: Bits<f64>,
    single: Bits<f32>,
    part: Part,
    parts: [Part; 3],
    pad: Unused<5>,
    #[vmstate(timer)]
    timer: Option<u64>,
    #[vmstate(timer)]
    timers: [Option<u64>; 2],
    #[vmstate(buffer)]
    name: [u8; 7],
    #[vmstate(when = Self::is_long)]
    extra: u32,
    #[vmstate(since = 3)]
    last: u64,
    #[vmstate(in = "mixed/group")]
    a: u32,
    #[vmstate(in = "mixed/group")]
    b: [i16; 2],
    #[vmstate(subsection("mixed/option"))]
    option: Option<Part>,
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "part")]
pub(super) struct Part {
    x: u8,
    pub(super) y: u32,
}

/// A number of which each bit counts: no two that are NaN are equal otherwise.
#[derive(VmState, Debug, Clone, Copy, Default)]
#[vmstate(transparent)]
struct Bits<F: Wire>(F);

impl PartialEq for Bits<f64> {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl PartialEq for Bits<f32> {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Mixed {
    fn is_long(&self) -> bool {
        self.long > 0
    }

    fn has_group(&self) -> bool {
        self.a != 0
    }
}

impl Peer for Mixed {}

prop_compose! {
    pub(super) fn part()(x: u8, y: u32) -> Part {
        Part { x, y }
    }
}

prop_compose! {
    pub(super) fn states()(
        (flags, small, words, long) in any::<([bool; 3], i8, [[u16; 2]; 2], i64)>(),
        (real, single) in any::<(u64, u32)>(),
        part in part(),
        parts in [part(), part(), part()],
        timer in prop::option::of(0..u64::MAX),
        timers in [prop::option::of(0..u64::MAX), prop::option::of(0..u64::MAX)],
        (name, extra, last, a, b) in any::<([u8; 7], u32, u64, u32, [i16; 2])>(),
        option in prop::option::of(part()),
    ) -> Mixed {
        let extra = if long > 0 { extra } else { 0 };
        let b = if a != 0 { b } else { [0; 2] };
        let pad = Unused;
        let (real, single) = (Bits(f64::from_bits(real)), Bits(f32::from_bits(single)));
        Mixed {
            flags, small, words, long, real, single, part, parts, pad, timer, timers, name, extra, last, a, b, option,
        }
    }
}
