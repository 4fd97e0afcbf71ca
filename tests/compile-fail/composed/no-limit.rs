use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    set: BTreeSet<u8>,
    heap: BinaryHeap<u8>,
    hashed: HashSet<u8>,
    map: HashMap<u8, u8>,
}

fn main() {}
