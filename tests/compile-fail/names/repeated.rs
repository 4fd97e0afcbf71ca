use vmstate::VmState;

#[derive(VmState)]
struct Device {
    first: u8,
    #[vmstate(name = "first")]
    second: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(name = "first")]
// +    #[vmstate(name = "first[1]")]
