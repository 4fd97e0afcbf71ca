use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(field("a[4]": u32 = a[4]))]
struct Device {
    a: [u32; 4],
}

fn main() {
    Device { a: [0; 4] }.save(&mut Writer::new()).unwrap();
}

// Fix:
// -#[vmstate(field("a[4]": u32 = a[4]))]
// +#[vmstate(field("a[3]": u32 = a[3]))]
