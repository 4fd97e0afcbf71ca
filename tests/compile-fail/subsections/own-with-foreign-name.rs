use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection)]
    sub: Sub,
}

#[derive(VmState)]
#[vmstate(name = "other/sub")]
struct Sub {
    value: u8,
}

fn main() {}
