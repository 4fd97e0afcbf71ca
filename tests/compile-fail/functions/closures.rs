use vmstate::prelude::*;

#[derive(VmState)]
struct Unfinished {
    #[vmstate(when = |device|)]
    a: u8,
}

#[derive(VmState)]
struct NotBool {
    #[vmstate(when = |device| device.a)]
    a: u8,
}

#[derive(VmState)]
struct TooMany {
    #[vmstate(when = |device, version, more: u8| true)]
    a: u8,
}

#[derive(VmState)]
#[vmstate(post_load = |device| device.a)]
struct Result {
    a: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(when = |device|)]
// +    #[vmstate(when = |device| device.a == 0)]
//
// -    #[vmstate(when = |device| device.a)]
// +    #[vmstate(when = |device| device.a != 0)]
//
// -    #[vmstate(when = |device, version, more: u8| true)]
// +    #[vmstate(when = |device, version| device.a != 0 && version > 1)]
//
// -#[vmstate(post_load = |device| device.a)]
// +#[vmstate(post_load = |device| device.a = 0)]
