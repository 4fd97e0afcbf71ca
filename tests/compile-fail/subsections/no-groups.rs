use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(in = "dev/sub")]
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(name = "dev")]
// +#[vmstate(name = "dev", subsection("dev/sub", needed = |dev| dev.value != 0))]
