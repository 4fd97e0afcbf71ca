use vmstate::VmState;

#[derive(VmState)]
struct Device {
    value: usize,
}

fn main() {}

// Fix:
// -    value: usize,
// +    #[vmstate(wire = u32)]
// +    value: usize,
