use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(equal)]
    size: usize,
}

fn main() {}

// Fix:
// -    size: usize,
// +    size: u32,
