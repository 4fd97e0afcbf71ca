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

// Fix:
// -    set: BTreeSet<u8>,
// +    #[vmstate(with = vmstate::info::Sequence<4>)]
// +    set: BTreeSet<u8>,
//
// -    heap: BinaryHeap<u8>,
// +    #[vmstate(with = vmstate::info::Sequence<4>)]
// +    heap: BinaryHeap<u8>,
//
// -    hashed: HashSet<u8>,
// +    #[vmstate(with = vmstate::info::Sequence<4>)]
// +    hashed: HashSet<u8>,
//
// -    map: HashMap<u8, u8>,
// +    #[vmstate(with = vmstate::info::Map<4>)]
// +    map: HashMap<u8, u8>,
