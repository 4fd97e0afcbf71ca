use vmstate::prelude::*;

#[derive(VmState, Default)]
struct Item {
    value: u8,
}

#[derive(VmState)]
struct Device {
    count: u8,
    #[vmstate(buffer(lne = count))]
    buffer: [u8; 8],
    #[vmstate(list(qlst, max = 4))]
    list: Vec<Item>,
    #[vmstate(pointer(allok))]
    pointers: [Option<Box<u8>>; 2],
}

fn main() {}

// Fix:
// -    #[vmstate(buffer(lne = count))]
// +    #[vmstate(buffer(len = count))]
//
// -    #[vmstate(list(qlst, max = 4))]
// +    #[vmstate(list(qlist, max = 4))]
//
// -    #[vmstate(pointer(allok))]
// +    #[vmstate(pointer(alloc))]
