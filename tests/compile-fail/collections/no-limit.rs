use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    count: u8,
    #[vmstate(len = count)]
    items: Vec<u8>,
}

fn main() {}

// Fix:
// -    #[vmstate(len = count)]
// +    #[vmstate(len = count, max = 64)]
