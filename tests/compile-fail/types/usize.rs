use vmstate::VmState;

#[derive(VmState)]
struct Device {
    value: usize,
}

fn main() {}
