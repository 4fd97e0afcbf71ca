use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("other/sub", always))]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection("other/sub", always))]
// +    #[vmstate(subsection("dev/sub", always))]
