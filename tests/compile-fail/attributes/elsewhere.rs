use vmstate::prelude::*;

#[derive(VmState, Default)]
struct Inner {
    level: u8,
}

#[derive(VmState, Default)]
#[vmstate(rename_all = "kebab-case")]
struct Device {
    #[vmstate(flatten)]
    inner: Inner,
    #[vmstate(skip_if = |dev| dev.control == 0)]
    count: u8,
    #[vmstate(skip_serializing_if = |dev| dev.control == 0)]
    size: u8,
    #[vmstate(rename = "ctrl")]
    control: u8,
}

fn main() {}

// Fix:
// -#[vmstate(rename_all = "kebab-case")]
//
// -    #[vmstate(flatten)]
// +    #[vmstate(inline)]
//
// -    #[vmstate(skip_if = |dev| dev.control == 0)]
// +    #[vmstate(when = |dev| dev.control != 0)]
//
// -    #[vmstate(skip_serializing_if = |dev| dev.control == 0)]
// +    #[vmstate(when = |dev| dev.control != 0)]
//
// -    #[vmstate(rename = "ctrl")]
// +    #[vmstate(name = "ctrl")]
