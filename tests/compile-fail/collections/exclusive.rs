use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    count: u8,
    #[vmstate(list(max = 3), timer)]
    first: Vec<u8>,
    #[vmstate(len = count, le)]
    second: i32,
    #[vmstate(wire = u8, len = count)]
    third: [u32; 3],
}

fn main() {}
