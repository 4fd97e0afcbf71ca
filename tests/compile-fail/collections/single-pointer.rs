use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    count: u8,
    #[vmstate(pointer(alloc))]
    made: Option<Box<u8>>,
    #[vmstate(pointer, len = count)]
    counted: Option<Box<u8>>,
    #[vmstate(pointer)]
    value: Option<u32>,
}

fn main() {}

// Fix:
// -    #[vmstate(pointer(alloc))]
// +    #[vmstate(pointer)]
//
// -    #[vmstate(pointer, len = count)]
// +    #[vmstate(pointer)]
//
// -    #[vmstate(pointer)]
// +    #[vmstate(option)]
