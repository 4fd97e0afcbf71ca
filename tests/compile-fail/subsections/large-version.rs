use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("dev/sub", always, version = 256))]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection("dev/sub", always, version = 256))]
// +    #[vmstate(subsection("dev/sub", always, version = 255))]
