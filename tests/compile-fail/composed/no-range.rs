use vmstate::info::Ends;
use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(with = Ends)]
    window: (u32, u32),
}

fn main() {}

// Fix:
// -    window: (u32, u32),
// +    window: std::ops::Range<u32>,
