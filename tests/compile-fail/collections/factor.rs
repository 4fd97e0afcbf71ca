use vmstate::prelude::*;

const NARROW: u32 = 4;

#[derive(VmState)]
struct Device {
    count: u8,
    other: u8,
    #[vmstate(len = count * 2.5, max = 8)]
    fraction: Vec<u8>,
    #[vmstate(buffer(len = count, multiply = "4", max = 8))]
    text: Vec<u8>,
}

#[derive(VmState)]
struct Constants {
    count: u8,
    other: u8,
    #[vmstate(len = count * NARROW, max = 8)]
    narrow: Vec<u8>,
    #[vmstate(len = count * other, max = 8)]
    field: Vec<u8>,
}

fn main() {}

// Fix:
// -const NARROW: u32 = 4;
// +const NARROW: usize = 4;
//
// -    #[vmstate(len = count * 2.5, max = 8)]
// +    #[vmstate(len = count * 2, max = 8)]
//
// -    #[vmstate(buffer(len = count, multiply = "4", max = 8))]
// +    #[vmstate(buffer(len = count, multiply = 4, max = 8))]
//
// -    #[vmstate(len = count * other, max = 8)]
// +    #[vmstate(len = other, max = 8)]
