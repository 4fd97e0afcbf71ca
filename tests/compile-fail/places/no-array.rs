use vmstate::prelude::*;

/// The stream determines the number of elements.
#[derive(VmState)]
#[vmstate(field("a[0]": u32 = a[0]))]
struct Device {
    count: u8,
    #[vmstate(len = count, max = 4)]
    a: Vec<u32>,
}

fn main() {}

// Fix:
// -#[vmstate(field("a[0]": u32 = a[0]))]
