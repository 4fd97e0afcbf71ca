use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 2)]
struct Device {
    #[vmstate(since = 1)]
    #[vmstate(since = 2)]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(since = 1)]
