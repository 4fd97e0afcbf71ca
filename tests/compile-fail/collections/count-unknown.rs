use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    cuont: u8,
    #[vmstate(len = count, max = 8)]
    items: Vec<u8>,
}

fn main() {}

// Fix:
// -    #[vmstate(len = count, max = 8)]
// +    #[vmstate(len = cuont, max = 8)]
