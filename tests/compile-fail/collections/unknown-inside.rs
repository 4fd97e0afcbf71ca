use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    count: u8,
    #[vmstate(buffer(lne = count))]
    buffer: [u8; 8],
    #[vmstate(list(qlst, max = 4))]
    list: Vec<u8>,
    #[vmstate(pointer(allok))]
    pointers: [Option<Box<u8>>; 2],
}

fn main() {}
