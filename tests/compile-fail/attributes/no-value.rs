use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(with)]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(with)]
// +    #[vmstate(with = vmstate::info::Plain)]
