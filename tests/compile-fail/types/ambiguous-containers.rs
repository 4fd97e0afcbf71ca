use vmstate::prelude::*;

#[derive(VmState, Default)]
#[vmstate(name = "item")]
struct Item {
    #[vmstate(subsection("item/value"))]
    value: Option<u8>,
}

#[derive(VmState)]
#[vmstate(name = "containers", subsection("containers/group", always))]
struct Containers {
    count: u8,
    #[vmstate(len = count, max = 4)]
    counted: Vec<Item>,
    #[vmstate(count("n": u8), max = 4)]
    prefixed: Vec<Item>,
    #[vmstate(pointer)]
    pointers: [Option<Box<Item>>; 2],
    #[vmstate(range = 0..2)]
    part: [Item; 4],
    #[vmstate(versioned = 1)]
    versioned: [Item; 2],
    #[vmstate(option)]
    optional: Option<Item>,
    // Each element begins with a marker, and a byte follows the last one.
    #[vmstate(list(max = 4))]
    list: Vec<Item>,
    // The bytes after a bool cannot be a subsection.
    last: [Item; 1],
    end: bool,
    #[vmstate(in = "containers/group")]
    grouped: Item,
    #[vmstate(in = "containers/group")]
    after: u8,
}

#[derive(VmState)]
#[vmstate(repr = u8)]
enum Variants {
    Ambiguous(Item, u8),
    Last(Item),
}

fn main() {}

// Fix:
// -#[vmstate(name = "item")]
//
// -    #[vmstate(subsection("item/value"))]
// +    #[vmstate(option)]
