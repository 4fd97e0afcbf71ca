use vmstate::VmState;

#[derive(VmState)]
struct Device {
    level: u8,
}

vmstate::laws!(device, Device);

fn main() {}
