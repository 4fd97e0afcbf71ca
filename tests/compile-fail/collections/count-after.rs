use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(len = count, max = 8)]
    items: Vec<u8>,
    count: u8,
}

fn main() {}
