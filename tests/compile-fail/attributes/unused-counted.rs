use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    count: u8,
    #[vmstate(unused(before = count * 4))]
    a: u8,
    #[vmstate(unused(before = 4, max = 8))]
    b: u8,
    #[vmstate(unused(after = later * 2, max = 8))]
    c: u8,
    later: u8,
    #[vmstate(unused())]
    d: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(unused(before = count * 4))]
// +    #[vmstate(unused(before = count * 4, max = 8))]
//
// -    #[vmstate(unused(before = 4, max = 8))]
// +    #[vmstate(unused(before = 4))]
//
// -    #[vmstate(unused(after = later * 2, max = 8))]
// +    later: u8,
// +    #[vmstate(unused(after = later * 2, max = 8))]
//
// -    later: u8,
// -    #[vmstate(unused())]
// +    #[vmstate(unused(after = 8))]
