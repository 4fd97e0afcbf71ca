use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(pointer)]
    items: [u8; 8],
}

fn main() {}
