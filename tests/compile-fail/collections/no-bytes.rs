use vmstate::prelude::*;

#[derive(VmState)]
struct Buffer {
    size: u8,
    #[vmstate(buffer(len = size, max = 4))]
    buffer: Vec<u16>,
}

#[derive(VmState)]
struct Bits {
    size: u8,
    #[vmstate(bitmap(bits = size, max = 4))]
    bits: Vec<u32>,
}

fn main() {}

// Fix:
// -    buffer: Vec<u16>,
// +    buffer: Vec<u8>,
//
// -    bits: Vec<u32>,
// +    bits: Vec<u64>,
