use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(field("b[0]": u32 = b[0]))]
struct Device {
    a: [u32; 4],
}

fn main() {}

// Fix:
// -#[vmstate(field("b[0]": u32 = b[0]))]
// +#[vmstate(field("a[0]": u32 = a[0]))]
