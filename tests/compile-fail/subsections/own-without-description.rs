use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection(always))]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection(always))]
// +    #[vmstate(subsection("dev/value", always))]
