use vmstate::VmState;

#[derive(VmState)]
#[vmstate("device")]
struct Device {
    level: u8,
}

fn main() {}

// Fix:
// -#[vmstate("device")]
// +#[vmstate(name = "device")]
