use vmstate::prelude::*;

#[derive(VmState)]
enum NoNumber {
    Off,
    On,
}

#[derive(VmState)]
#[vmstate(version = 2, name = "mode", variant(fixed))]
#[repr(u8)]
enum Described {
    Off,
    On,
}

#[derive(VmState)]
#[vmstate(repr = usize)]
enum NoFixedSize {
    Off,
    On,
}

#[derive(VmState)]
#[vmstate(repr = u8)]
enum TooLarge {
    Off,
    On = 256,
}

#[derive(VmState)]
enum Never {}

fn main() {}

// Fix:
// -enum NoNumber {
// +#[vmstate(repr = u8)]
// +enum NoNumber {
//
// -#[vmstate(version = 2, name = "mode", variant(fixed))]
//
// -#[vmstate(repr = usize)]
// +#[vmstate(repr = u32)]
//
// -#[vmstate(repr = u8)]
// +#[vmstate(repr = u16)]
//
// -enum Never {}
// +#[vmstate(repr = u8)]
// +enum Never {
// +    Once,
// +}
