use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(needed = |device| device.a, post_load = |device| device.b)]
struct Device {
    #[vmstate(when = |device, version, more| true)]
    a: u8,
    #[vmstate(when = |device|)]
    b: u8,
}

#[derive(VmState)]
struct Other {
    #[vmstate(when = |device| device.a)]
    a: u8,
}

fn main() {}
