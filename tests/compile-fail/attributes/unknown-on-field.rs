use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(sinse = 1)]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(sinse = 1)]
// +    #[vmstate(since = 1)]
