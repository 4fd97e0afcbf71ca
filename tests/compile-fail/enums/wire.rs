use vmstate::VmState;

#[derive(VmState)]
#[vmstate(wire = u8)]
enum Mode {
    Off,
    On,
}

#[derive(VmState)]
#[vmstate(bits = u16)]
enum Slot {
    Empty,
    Cartridge(u32),
}

fn main() {}

// Fix:
// -#[vmstate(wire = u8)]
// +#[vmstate(repr = u8)]
//
// -#[vmstate(bits = u16)]
// +#[vmstate(repr = u16)]
