use vmstate::VmState;

#[derive(VmState)]
#[vmstate(colour = "red")]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(colour = "red")]
