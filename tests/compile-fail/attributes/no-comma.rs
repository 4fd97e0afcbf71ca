use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(le timer)]
    value: i32,
}

fn main() {}

// Fix:
// -    #[vmstate(le timer)]
// +    #[vmstate(le)]
