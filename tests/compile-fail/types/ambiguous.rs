use vmstate::VmState;

#[derive(VmState)]
struct Device {
    inner: Inner,
    next: u8,
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
// -    inner: Inner,
// +    next: u8,
// +    inner: Inner,
//
// -    next: u8,
