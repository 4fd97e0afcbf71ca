use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(range = 2..5)]
    beyond: [u8; 4],
}

#[derive(VmState)]
struct Empty {
    #[vmstate(buffer, range = 2..2)]
    empty: [u8; 4],
}

#[derive(VmState)]
struct Growing {
    #[vmstate(range = 0..2)]
    growing: Vec<u8>,
}

fn main() {}

// Fix:
// -    #[vmstate(range = 2..5)]
// +    #[vmstate(range = 2..4)]
//
// -    #[vmstate(buffer, range = 2..2)]
// +    #[vmstate(buffer, range = 2..3)]
//
// -    growing: Vec<u8>,
// +    growing: [u8; 4],
