use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(pointer)]
    items: Vec<Option<Box<u8>>>,
}

fn main() {}

// Fix:
// -    #[vmstate(pointer)]
// +    count: u8,
// +    #[vmstate(pointer, len = count, max = 4)]
