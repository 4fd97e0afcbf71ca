use vmstate::VmState;

#[derive(VmState)]
#[vmstate(tag = "type")]
#[repr(u8)]
enum Mode {
    Off,
    On,
}

fn main() {}

// Fix:
// -#[vmstate(tag = "type")]
// -#[repr(u8)]
// +#[vmstate(repr = u8)]
