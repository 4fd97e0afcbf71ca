use vmstate::prelude::*;

mod other {
    #[derive(Default)]
    pub struct Foreign {
        pub value: u8,
        pub inner: super::Inner,
    }
}

#[derive(VmState, Default)]
#[vmstate(name = "inner")]
struct Inner {
    #[vmstate(subsection("inner/value"))]
    value: Option<u8>,
}

#[derive(VmState)]
#[vmstate(remote = other::Foreign)]
struct Definition {
    value: u8,
    inner: Inner,
}

#[derive(VmState)]
struct Device {
    #[vmstate(with = Definition)]
    foreign: other::Foreign,
    #[vmstate(opaque = "inner")]
    opaque: Inner,
    after: u8,
}

fn main() {}

// Fix:
// -#[vmstate(name = "inner")]
//
// -    #[vmstate(subsection("inner/value"))]
// +    #[vmstate(option)]
