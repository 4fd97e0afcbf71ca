use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(skip = "not needed", since = 1, timer)]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(skip = "not needed", since = 1, timer)]
// +    #[vmstate(skip = "not needed")]
