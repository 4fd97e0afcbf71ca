use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(name = )]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(name = )]
// +    #[vmstate(name = "value")]
