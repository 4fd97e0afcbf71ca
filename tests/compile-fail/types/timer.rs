use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(timer)]
    value: u64,
}

fn main() {}

// Fix:
// -    value: u64,
// +    value: Option<u64>,
