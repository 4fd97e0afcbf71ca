use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(field("a[0]": u16 = a[0]))]
struct Device {
    a: [u32; 4],
}

fn main() {}

// Fix:
// -#[vmstate(field("a[0]": u16 = a[0]))]
// +#[vmstate(field("a[0]": u32 = a[0]))]
