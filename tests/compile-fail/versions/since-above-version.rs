use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 2)]
struct Device {
    #[vmstate(since = 3)]
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(version = 2)]
// +#[vmstate(version = 3)]
