use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(len = count, max = 8)]
    items: Vec<u8>,
    count: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(len = count, max = 8)]
// +    count: u8,
// +    #[vmstate(len = count, max = 8)]
//
// -    count: u8,
