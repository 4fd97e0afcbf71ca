use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "")]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(name = "")]
// +#[vmstate(name = "device")]
