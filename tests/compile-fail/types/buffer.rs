use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(buffer)]
    value: u32,
}

fn main() {}

// Fix:
// -    #[vmstate(buffer)]
