use vmstate::VmState;

#[derive(VmState)]
struct Device {
    level: u8,
}

vmstate::laws!(device, Device);

fn main() {}

// Fix:
// -#[derive(VmState)]
// +#[derive(VmState, Default, Debug, PartialEq)]
//
// -vmstate::laws!(device, Device);
// +vmstate::laws!(device: Device);
