use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    count: u8,
    #[vmstate(len = count, max = 8)]
    items: u32,
}

fn main() {}

// Fix:
// -    items: u32,
// +    items: Vec<u32>,
