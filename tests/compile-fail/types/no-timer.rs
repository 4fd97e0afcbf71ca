use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(timer)]
    value: Clock,
}

struct Clock;

fn main() {}

// Fix:
// -    value: Clock,
// +    value: Option<u64>,
