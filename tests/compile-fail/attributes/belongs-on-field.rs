use vmstate::VmState;

#[derive(VmState)]
#[vmstate(since = 2)]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(since = 2)]
// +#[vmstate(version = 2)]
//
// -    value: u8,
// +    #[vmstate(since = 2)]
// +    value: u8,
