use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(unused = 4)]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(unused = 4)]
// +    #[vmstate(unused(before = 4))]
