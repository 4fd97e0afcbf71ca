use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("dev/scale", always, needed = |dev| dev.scale != 0))]
    scale: u8,
    #[vmstate(subsection("dev/size", always))]
    size: Option<u8>,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection("dev/scale", always, needed = |dev| dev.scale != 0))]
// +    #[vmstate(subsection("dev/scale", needed = |dev| dev.scale != 0))]
//
// -    #[vmstate(subsection("dev/size", always))]
// +    #[vmstate(subsection("dev/size"))]
