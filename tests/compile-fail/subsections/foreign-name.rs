use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("other/sub"))]
    value: u8,
}

fn main() {}
