use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 4)]
struct Device {
    #[vmstate(since = 3, when = Self::has_value)]
    value: u8,
}

impl Device {
    fn has_value(&self) -> bool {
        true
    }
}

fn main() {}
