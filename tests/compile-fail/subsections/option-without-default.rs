use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("dev/sub"))]
    sub: Option<Sub>,
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
