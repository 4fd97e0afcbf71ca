use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("dev/timeout"))]
    value: u8,
    #[vmstate(subsection("dev/timeout_ipending"))]
    other: u8,
}

fn main() {}
