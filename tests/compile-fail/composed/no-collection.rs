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
