use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev", subsection("dev/sub"))]
struct Device {
    value: u8,
}

fn main() {}
