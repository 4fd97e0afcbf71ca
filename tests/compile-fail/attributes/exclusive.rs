use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(timer, le)]
    value: Option<u64>,
}

fn main() {}

// Fix:
// -    #[vmstate(timer, le)]
// +    #[vmstate(timer)]
