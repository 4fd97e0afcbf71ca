use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(versioned = 2)]
    a: u8,
}

fn main() {}
