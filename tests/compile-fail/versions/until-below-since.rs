use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 4)]
struct Device {
    #[vmstate(since = 3, until = 2)]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(since = 3, until = 2)]
// +    #[vmstate(since = 2, until = 3)]
