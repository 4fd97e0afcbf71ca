use vmstate::prelude::*;

#[derive(VmState)]
struct Rom {
    hash: u32,
}

#[derive(VmState)]
#[vmstate(repr = u8)]
enum Slot {
    Empty,
    Cartridge(Rom),
}

fn main() {}

// Fix:
// -#[derive(VmState)]
// +#[derive(VmState, Default)]
