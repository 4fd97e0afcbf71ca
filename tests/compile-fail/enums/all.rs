use vmstate::prelude::*;

#[derive(VmState)]
enum NoNumber {
    Off,
    On,
}

#[derive(VmState)]
#[vmstate(version = 2, name = "mode")]
#[repr(u8)]
enum Described {
    Off,
    On,
}

#[derive(VmState)]
#[repr(u8)]
enum Tagged {
    Off,
    On(u8),
}

#[derive(VmState)]
enum Never {}

fn main() {}
