use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(default)]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(default)]
