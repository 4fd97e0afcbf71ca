use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(skip = "")]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(skip = "")]
// +    #[vmstate(skip = "wired by the board")]
