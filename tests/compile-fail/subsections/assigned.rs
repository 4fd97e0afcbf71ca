use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection = "dev/sub")]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection = "dev/sub")]
// +    #[vmstate(subsection("dev/sub", needed = |dev| dev.value != 0))]
