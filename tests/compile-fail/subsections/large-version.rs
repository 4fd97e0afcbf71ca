use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("dev/sub", version = 256))]
    value: u8,
}

fn main() {}
