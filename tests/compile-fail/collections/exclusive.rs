use vmstate::prelude::*;

#[derive(VmState, Default)]
struct Item {
    value: u8,
}

#[derive(VmState)]
struct Device {
    count: u8,
    #[vmstate(list(max = 3), timer)]
    first: Vec<Item>,
    #[vmstate(len = count, le)]
    second: i32,
    #[vmstate(wire = u8, len = count)]
    third: [u32; 3],
}

fn main() {}

// Fix:
// -    #[vmstate(list(max = 3), timer)]
// +    #[vmstate(list(max = 3))]
//
// -    #[vmstate(len = count, le)]
// +    #[vmstate(le)]
