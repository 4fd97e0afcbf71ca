use vmstate::info::As;
use vmstate::info::array::Boxed;
use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(with = Boxed<As<u32>>)]
    size: usize,
}

fn main() {}

// Fix:
// -use vmstate::info::array::Boxed;
//
// -    #[vmstate(with = Boxed<As<u32>>)]
// +    #[vmstate(with = As<u32>)]
