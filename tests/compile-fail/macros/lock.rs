use vmstate::VmState;

#[derive(VmState)]
struct Device {
    level: u8,
}

vmstate::lock!([Device]);
vmstate::lock!("schema/", Device);

fn main() {}

// Fix:
// -vmstate::lock!([Device]);
// -vmstate::lock!("schema/", Device);
// +vmstate::lock!("schema/", [Device]);
