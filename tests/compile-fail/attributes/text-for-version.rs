use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = "2")]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(version = "2")]
// +#[vmstate(version = 2)]
