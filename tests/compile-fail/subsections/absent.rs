use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("dev/sub", absent = maybe))]
    value: u8,
}

fn main() {}
