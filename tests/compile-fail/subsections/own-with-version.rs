use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection(version = 2, post_load = Self::x))]
    sub: Sub,
}

#[derive(VmState)]
#[vmstate(name = "dev/sub")]
struct Sub {
    value: u8,
}

fn main() {}
