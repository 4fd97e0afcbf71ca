use std::collections::BTreeMap;

use vmstate::VmState;

#[derive(VmState, Default)]
struct Node {
    value: u32,
}

#[derive(VmState)]
struct Device {
    #[vmstate(list(max = 4))]
    pending: Vec<u32>,
    #[vmstate(tree(direct, max = 4))]
    values: BTreeMap<u64, u32>,
    #[vmstate(tree(max = 4))]
    keys: BTreeMap<u64, Node>,
}

fn main() {}

// Fix:
// -    pending: Vec<u32>,
// +    pending: Vec<Node>,
//
// -    values: BTreeMap<u64, u32>,
// -    #[vmstate(tree(max = 4))]
// +    values: BTreeMap<u64, Node>,
// +    #[vmstate(tree(direct, max = 4))]
