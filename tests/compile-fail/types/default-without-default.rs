use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 2)]
struct Device {
    #[vmstate(since = 2, default)]
    value: Sub,
}

#[derive(VmState)]
#[vmstate(name = "sub")]
struct Sub {
    value: u8,
}

fn main() {}

// Fix:
// -#[derive(VmState)]
// -#[vmstate(name = "sub")]
// +#[derive(VmState, Default)]
// +#[vmstate(name = "sub")]
