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

// Fix:
// -    #[vmstate(list)]
// +    #[vmstate(list(max = 16))]
//
// -    #[vmstate(list(qlist))]
// +    #[vmstate(list(qlist, max = 16))]
//
// -    #[vmstate(tree(direct))]
// +    #[vmstate(tree(direct, max = 16))]
//
// -    #[vmstate(byte_array)]
// +    #[vmstate(byte_array(max = 16))]
