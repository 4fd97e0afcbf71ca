use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(wire = u8)]
    mode: Mode,
}

enum Mode {
    Off,
    On,
}

fn main() {}

// Fix:
// -    #[vmstate(wire = u8)]
//
// -enum Mode {
// +#[derive(VmState)]
// +#[vmstate(repr = u8)]
// +enum Mode {
