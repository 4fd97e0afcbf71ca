use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 4294967296)]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(version = 4294967296)]
// +#[vmstate(version = 4294967295)]
