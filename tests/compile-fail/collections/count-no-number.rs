use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    count: bool,
    #[vmstate(len = count, max = 8)]
    items: Vec<u8>,
}

fn main() {}

// Fix:
// -    count: bool,
// +    count: u8,
