use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 2)]
struct Device {
    #[vmstate(since = 2, default = seven)]
    value: u8,
}

fn seven() -> u16 {
    7
}

fn main() {}

// Fix:
// -fn seven() -> u16 {
// +fn seven() -> u8 {
