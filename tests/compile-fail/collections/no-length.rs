use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(buffer(max = 8))]
    buffer: Vec<u8>,
    #[vmstate(bitmap(max = 8))]
    bitmap: Vec<u64>,
}

fn main() {}
