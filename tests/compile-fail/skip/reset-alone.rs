use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(reset = zero)]
    value: u8,
}

fn zero() -> u8 {
    0
}

fn main() {}

// Fix:
// -    #[vmstate(reset = zero)]
// +    #[vmstate(skip = "wired by the board", reset = zero)]
