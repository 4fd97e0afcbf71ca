use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev", subsection(version = 1))]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(name = "dev", subsection(version = 1))]
// +#[vmstate(name = "dev", subsection("dev/value", needed = |dev| dev.value != 0))]
//
// -    value: u8,
// +    #[vmstate(in = "dev/value")]
// +    value: u8,
