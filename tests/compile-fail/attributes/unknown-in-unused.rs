use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(unused(behind = 2))]
    value: u8,
}

fn main() {}
