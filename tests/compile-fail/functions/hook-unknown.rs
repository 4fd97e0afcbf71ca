use vmstate::VmState;

#[derive(VmState)]
#[vmstate(pre_load = Self::pre_laod)]
struct Device {
    value: u8,
}

impl Device {
    fn pre_load(&mut self) {}
}

fn main() {}

// Fix:
// -#[vmstate(pre_load = Self::pre_laod)]
// +#[vmstate(pre_load = Self::pre_load)]
