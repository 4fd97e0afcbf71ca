use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("dev/timeout", always))]
    value: u8,
    #[vmstate(subsection("dev/timeout_ipending", always))]
    other: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection("dev/timeout", always))]
// +    #[vmstate(subsection("dev/timeout_ipending", always))]
// +    other: u8,
// +    #[vmstate(subsection("dev/timeout", always))]
//
// -    #[vmstate(subsection("dev/timeout_ipending", always))]
// -    other: u8,
