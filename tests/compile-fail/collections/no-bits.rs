use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(bitmap(bits = 64))]
    bits: String,
}

#[derive(VmState)]
struct Buffer {
    size: u8,
    #[vmstate(buffer(len = size, max = 8))]
    bytes: String,
}

#[derive(VmState)]
struct Pointers {
    count: u8,
    #[vmstate(pointer, len = count, max = 8)]
    slots: String,
}

fn main() {}

// Fix:
// -    bits: String,
// +    bits: [u64; 1],
//
// -    bytes: String,
// +    bytes: Vec<u8>,
//
// -    slots: String,
// +    slots: Vec<Option<Box<u8>>>,
