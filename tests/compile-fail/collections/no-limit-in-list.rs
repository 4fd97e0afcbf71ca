use std::collections::BTreeMap;

use vmstate::prelude::*;

#[derive(VmState, Default)]
struct Item {
    value: u8,
}

#[derive(VmState)]
struct Device {
    #[vmstate(list)]
    list: Vec<Item>,
    #[vmstate(list(qlist))]
    other: Vec<Item>,
    #[vmstate(tree(direct))]
    tree: BTreeMap<u64, Item>,
    #[vmstate(byte_array)]
    bytes: Vec<u8>,
}

fn main() {}
