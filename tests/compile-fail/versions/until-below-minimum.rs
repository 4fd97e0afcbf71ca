use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 4, minimum_version = 3)]
struct Device {
    #[vmstate(until = 2)]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(until = 2)]
// -    value: u8,
