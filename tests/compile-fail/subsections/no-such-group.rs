use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev", subsection("dev/sub", always))]
struct Device {
    #[vmstate(in = "dev/sub")]
    value: u8,
    #[vmstate(in = "dev/bus")]
    other: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(in = "dev/bus")]
// +    #[vmstate(in = "dev/sub")]
