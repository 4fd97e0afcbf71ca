use std::collections::BTreeMap;

use vmstate::prelude::*;

/// A type without a wire form.
#[derive(Default)]
struct Irq;

#[derive(VmState)]
struct Device {
    count: u8,
    #[vmstate(len = count, max = 4)]
    vector: Vec<Irq>,
}

#[derive(VmState)]
struct Lists {
    #[vmstate(list(max = 4))]
    list: Vec<Irq>,
}

#[derive(VmState)]
struct Trees {
    #[vmstate(tree(direct, max = 4))]
    tree: BTreeMap<u32, Irq>,
}

#[derive(VmState)]
struct Pointers {
    #[vmstate(pointer(alloc))]
    pointers: [Option<Box<Irq>>; 2],
}

#[derive(VmState)]
struct Parts {
    #[vmstate(range = 1..)]
    part: [Irq; 4],
}

#[derive(VmState)]
struct Hidden {
    #[vmstate(count("n": u8), max = 4)]
    hidden: Vec<Irq>,
}

fn main() {}

// Fix:
// -#[derive(Default)]
// -struct Irq;
// +#[derive(VmState, Default)]
// +struct Irq {
// +    level: u8,
// +}
