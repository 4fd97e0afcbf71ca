use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(wire = u32)]
    text: String,
}

fn main() {}

// Fix:
// -    #[vmstate(wire = u32)]
