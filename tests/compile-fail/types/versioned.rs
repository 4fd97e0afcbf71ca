use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(versioned = 2)]
    a: u8,
}

fn main() {}

// Fix:
// -    a: u8,
// +    a: Part,
// +}
// +
// +#[derive(VmState)]
// +#[vmstate(version = 2)]
// +struct Part {
// +    value: u8,
