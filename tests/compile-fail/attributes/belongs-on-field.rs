use vmstate::VmState;

#[derive(VmState)]
#[vmstate(since = 2)]
struct Device {
    value: u8,
}

fn main() {}
