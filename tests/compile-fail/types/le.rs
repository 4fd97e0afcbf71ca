use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(le)]
    value: u32,
}

fn main() {}

// Fix:
// -    value: u32,
// +    value: i32,
