use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(count("no_limit": u16))]
    first: Vec<u8>,
    #[vmstate(count = "assigned", max = 3)]
    second: Vec<u8>,
    #[vmstate(count("no_type"), max = 3)]
    third: Vec<u8>,
    #[vmstate(count("flag": bool), max = 3)]
    fourth: Vec<u8>,
    #[vmstate(count("other": u8), max = 3, len = fifth)]
    sixth: Vec<u8>,
    #[vmstate(count("other": u8), max = 3)]
    twice: Vec<u8>,
}

#[derive(VmState)]
struct Array {
    #[vmstate(count("n": u8), max = 3)]
    array: [u8; 3],
}

fn main() {}

// Fix:
// -    #[vmstate(count("no_limit": u16))]
// +    #[vmstate(count("no_limit": u16), max = 3)]
//
// -    #[vmstate(count = "assigned", max = 3)]
// +    #[vmstate(count("assigned": u16), max = 3)]
//
// -    #[vmstate(count("no_type"), max = 3)]
// +    #[vmstate(count("no_type": u16), max = 3)]
//
// -    #[vmstate(count("flag": bool), max = 3)]
// +    #[vmstate(count("flag": u8), max = 3)]
//
// -    #[vmstate(count("other": u8), max = 3, len = fifth)]
// +    #[vmstate(count("other": u8), max = 3)]
//
// -    #[vmstate(count("other": u8), max = 3)]
// +    #[vmstate(count("num_twice": u8), max = 3)]
//
// -    array: [u8; 3],
// +    array: Vec<u8>,
