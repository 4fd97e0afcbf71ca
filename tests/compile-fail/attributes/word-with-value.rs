use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(timer = 5)]
    value: Option<u64>,
}

fn main() {}

// Fix:
// -    #[vmstate(timer = 5)]
// +    #[vmstate(timer)]
