use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 4)]
struct Device {
    #[vmstate(until = 4)]
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(version = 4)]
// +#[vmstate(version = 5)]
