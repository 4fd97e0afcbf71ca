use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(wire = usize)]
    size: u64,
}

fn main() {}
