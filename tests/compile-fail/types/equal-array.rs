use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(equal)]
    values: [u8; 2],
}

fn main() {}
