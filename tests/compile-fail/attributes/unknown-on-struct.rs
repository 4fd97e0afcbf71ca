use vmstate::VmState;

#[derive(VmState)]
#[vmstate(nam = "dev")]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(nam = "dev")]
// +#[vmstate(name = "dev")]
