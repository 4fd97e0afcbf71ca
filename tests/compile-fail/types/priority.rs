use vmstate::VmState;

#[derive(VmState)]
#[vmstate(priority = Pci)]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(priority = Pci)]
// +#[vmstate(priority = PciBus)]
