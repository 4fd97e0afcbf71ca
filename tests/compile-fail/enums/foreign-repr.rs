use vmstate::VmState;

#[derive(VmState)]
#[vmstate(tag = u8)]
enum Mode {
    Off,
    On,
}

#[derive(VmState)]
#[vmstate(rep = u8)]
enum Slot {
    Empty,
    Cartridge(u32),
}

#[derive(VmState)]
#[repr(usize)]
enum Size {
    Small,
    Large,
}

fn main() {}

// Fix:
// -#[vmstate(tag = u8)]
// +#[vmstate(repr = u8)]
//
// -#[vmstate(rep = u8)]
// +#[vmstate(repr = u8)]
//
// -#[repr(usize)]
// +#[repr(u32)]
