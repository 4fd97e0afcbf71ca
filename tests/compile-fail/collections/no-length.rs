use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(buffer(max = 8))]
    buffer: Vec<u8>,
    #[vmstate(bitmap(max = 8))]
    bitmap: Vec<u64>,
}

fn main() {}

// Fix:
// -    #[vmstate(buffer(max = 8))]
// +    size: u8,
// +    #[vmstate(buffer(len = size, max = 8))]
//
// -    #[vmstate(bitmap(max = 8))]
// +    #[vmstate(bitmap(bits = 64, max = 64))]
