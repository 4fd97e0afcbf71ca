use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(name = 5)]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(name = 5)]
// +    #[vmstate(name = "5")]
