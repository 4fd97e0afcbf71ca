use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(minimum_version = 1)]
    value: u8,
}

fn main() {}

// Fix:
// -struct Device {
// +#[vmstate(minimum_version = 1)]
// +struct Device {
//
// -    #[vmstate(minimum_version = 1)]
