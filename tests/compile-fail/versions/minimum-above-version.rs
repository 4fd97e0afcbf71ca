use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 2, minimum_version = 3)]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(version = 2, minimum_version = 3)]
// +#[vmstate(version = 3, minimum_version = 3)]
