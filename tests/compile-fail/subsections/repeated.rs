use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("dev/sub", always))]
    value: u8,
    #[vmstate(subsection("dev/sub", always))]
    other: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection("dev/sub", always))]
// -    other: u8,
// +    #[vmstate(subsection("dev/other", always))]
// +    other: u8,
