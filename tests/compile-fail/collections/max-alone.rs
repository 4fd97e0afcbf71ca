use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(max = 8)]
    items: [u8; 8],
}

fn main() {}

// Fix:
// -    #[vmstate(max = 8)]
