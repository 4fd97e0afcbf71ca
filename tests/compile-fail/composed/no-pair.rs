use std::ops::Range;

use vmstate::info::{As, Maybe, Pair, Sequence, Text};
use vmstate::prelude::*;

#[derive(VmState)]
struct NoPair {
    #[vmstate(with = Pair<Text<8>, Maybe>)]
    name: String,
    #[vmstate(with = Pair)]
    window: Range<u8>,
    #[vmstate(with = Pair<As<u8>, As<u8>>)]
    three: (u8, usize, usize),
}

#[derive(VmState)]
struct OtherMembers {
    #[vmstate(with = Pair<Text<8>, Maybe>)]
    named: (String, u8),
    #[vmstate(with = Sequence<4, Pair<As<u8>>>)]
    sizes: Vec<(usize, usize)>,
}

fn main() {}

// Fix:
// -use vmstate::info::{As, Maybe, Pair, Sequence, Text};
// +use vmstate::info::{As, Ends, Pair, Plain, Sequence, Text};
//
// -    #[vmstate(with = Pair<Text<8>, Maybe>)]
// -    name: String,
// -    #[vmstate(with = Pair)]
// -    window: Range<u8>,
// -    #[vmstate(with = Pair<As<u8>, As<u8>>)]
// -    three: (u8, usize, usize),
// +    #[vmstate(with = Text<8>)]
// +    name: String,
// +    #[vmstate(with = Ends)]
// +    window: Range<u8>,
// +    #[vmstate(with = Pair<Plain, Pair<As<u8>, As<u8>>>)]
// +    three: (u8, (usize, usize)),
//
// -    #[vmstate(with = Pair<Text<8>, Maybe>)]
// -    named: (String, u8),
// -    #[vmstate(with = Sequence<4, Pair<As<u8>>>)]
// -    sizes: Vec<(usize, usize)>,
// +    #[vmstate(with = Pair<Text<8>>)]
// +    named: (String, u8),
// +    #[vmstate(with = Sequence<4, Pair<As<u8>, As<u8>>>)]
// +    sizes: Vec<(usize, usize)>,
