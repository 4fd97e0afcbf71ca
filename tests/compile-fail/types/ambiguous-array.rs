use vmstate::VmState;

#[derive(VmState)]
struct Device {
    inner: [Inner; 2],
}

#[derive(VmState)]
#[vmstate(name = "inner")]
struct Inner {
    value: u8,
    #[vmstate(subsection("inner/sub", always))]
    sub: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection("inner/sub", always))]
