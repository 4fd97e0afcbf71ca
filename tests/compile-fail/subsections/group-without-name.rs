use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev", subsection(version = 1))]
struct Device {
    value: u8,
}

fn main() {}
