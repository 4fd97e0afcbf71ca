use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection(always), name = "sub", with = Info)]
    sub: Sub,
}

#[derive(VmState)]
#[vmstate(name = "dev/sub")]
struct Sub {
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection(always), name = "sub", with = Info)]
// +    #[vmstate(subsection(always))]
