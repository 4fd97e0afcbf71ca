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
