use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev", subsection("dev/sub"))]
struct Device {
    #[vmstate(in = "dev/sub")]
    value: u8,
    #[vmstate(in = "dev/sub", subsection("dev/own"))]
    other: u8,
}

fn main() {}
