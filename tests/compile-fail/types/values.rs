use std::marker::PhantomData;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use vmstate::prelude::*;

/// Attributes for other types.
#[derive(VmState)]
struct Attributes {
    #[vmstate(option)]
    nothing: (),
    #[vmstate(le)]
    wide: u128,
    #[vmstate(wire = i128)]
    deep: isize,
}

/// Values whose types have another form.
#[derive(VmState)]
struct Forms {
    #[vmstate(timer)]
    played: Duration,
    #[vmstate(buffer)]
    title: String,
    #[vmstate(byte_array(max = 8))]
    region: Box<str>,
    count: u8,
    #[vmstate(len = count, max = 4)]
    kind: PhantomData<u8>,
    #[vmstate(wire = u32)]
    key: char,
}

/// Values with parts without a form.
#[derive(VmState)]
struct Parts {
    window: Range<usize>,
    lines: RangeInclusive<u8>,
    pair: (u8, usize),
    seven: (u8, u8, u8, u8, u8, u8, u8),
}

fn main() {}

// Fix:
// -    #[vmstate(option)]
//
// -    #[vmstate(le)]
//
// -    #[vmstate(wire = i128)]
// +    #[vmstate(wire = i64)]
//
// -    #[vmstate(timer)]
//
// -    #[vmstate(buffer)]
//
// -    #[vmstate(byte_array(max = 8))]
//
// -    #[vmstate(len = count, max = 4)]
//
// -    #[vmstate(wire = u32)]
//
// -    window: Range<usize>,
// -    lines: RangeInclusive<u8>,
// -    pair: (u8, usize),
// -    seven: (u8, u8, u8, u8, u8, u8, u8),
// -}
// +    #[vmstate(with = vmstate::info::Ends<vmstate::info::As<u32>>)]
// +    window: Range<usize>,
// +    #[vmstate(with = vmstate::info::Ends)]
// +    lines: RangeInclusive<u8>,
// +    #[vmstate(with = vmstate::info::Pair<vmstate::info::Plain, vmstate::info::As<u32>>)]
// +    pair: (u8, usize),
// +    seven: Seven,
// +}
// +
// +#[derive(VmState)]
// +struct Seven(u8, u8, u8, u8, u8, u8, u8);
