use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev", subsection("dev/sub"))]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(name = "dev", subsection("dev/sub"))]
// +#[vmstate(name = "dev", subsection("dev/sub", empty, needed = |dev| dev.value != 0))]
