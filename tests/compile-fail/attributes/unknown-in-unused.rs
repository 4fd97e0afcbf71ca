use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(unused(around = 2))]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(unused(around = 2))]
// +    #[vmstate(unused(before = 2))]
