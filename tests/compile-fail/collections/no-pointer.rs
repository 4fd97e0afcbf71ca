use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(pointer)]
    items: [u8; 8],
}

fn main() {}

// Fix:
// -    items: [u8; 8],
// +    items: [Option<Box<u8>>; 8],
