use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(in = "dev/sub")]
    value: u8,
}

fn main() {}
