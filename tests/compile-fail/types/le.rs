use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(le)]
    value: u32,
}

fn main() {}
