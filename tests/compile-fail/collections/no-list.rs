use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(list(max = 8))]
    items: [u8; 8],
}

fn main() {}
