use std::collections::BTreeMap;

use vmstate::info::{Map, Maybe, Sequence, Text};
use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(with = Sequence<4>)]
    value: u32,
    #[vmstate(with = Sequence<4>)]
    map: BTreeMap<u8, u8>,
    #[vmstate(with = Map<4>)]
    list: Vec<u8>,
    #[vmstate(with = Maybe)]
    plain: u8,
    #[vmstate(with = Text<4>)]
    bytes: Vec<u8>,
}

fn main() {}

// Fix:
// -    value: u32,
// +    value: Vec<u32>,
// +    #[vmstate(with = Map<4>)]
// +    map: BTreeMap<u8, u8>,
//
// -    map: BTreeMap<u8, u8>,
// -    #[vmstate(with = Map<4>)]
//
// -    plain: u8,
// +    plain: Option<u8>,
//
// -    bytes: Vec<u8>,
// +    bytes: String,
