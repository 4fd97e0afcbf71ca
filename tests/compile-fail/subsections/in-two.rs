use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev", subsection("dev/sub", always))]
struct Device {
    #[vmstate(in = "dev/sub")]
    value: u8,
    #[vmstate(in = "dev/sub", subsection("dev/own", always))]
    other: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(in = "dev/sub", subsection("dev/own", always))]
// +    #[vmstate(in = "dev/sub")]
