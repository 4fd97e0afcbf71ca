use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection(always))]
    sub: Sub,
}

#[derive(VmState)]
#[vmstate(name = "other/sub")]
struct Sub {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(name = "other/sub")]
// +#[vmstate(name = "dev/sub")]
