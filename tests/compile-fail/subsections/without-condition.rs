use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev", subsection("dev/tx"))]
struct Device {
    #[vmstate(in = "dev/tx")]
    retries: u8,
    #[vmstate(subsection("dev/scale"))]
    scale: u8,
}

fn main() {}

// Fix:
// -#[vmstate(name = "dev", subsection("dev/tx"))]
// +#[vmstate(name = "dev", subsection("dev/tx", needed = |dev| dev.retries != 0))]
//
// -    #[vmstate(subsection("dev/scale"))]
// +    #[vmstate(subsection("dev/scale", needed = |dev| dev.scale != 0))]
