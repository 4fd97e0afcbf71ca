use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(version = 3, minimum_version = 2)]
struct Device {
    #[vmstate(removed("always": u8))]
    first: u8,
    #[vmstate(removed("current": u8, until = 3))]
    second: u8,
    #[vmstate(removed("early": u8, until = 1))]
    third: u8,
    #[vmstate(removed("untyped", until = 2))]
    fourth: u8,
    #[vmstate(removed("first": u8, until = 2, unless = 1))]
    fifth: u8,
}

#[derive(VmState)]
#[vmstate(version = 3)]
struct Wrong {
    #[vmstate(removed("old": u8, until = 2, with = Self::take))]
    field: u8,
}

impl Wrong {
    fn take(&mut self, _: u16) {}
}

fn main() {}

// Fix:
// -    #[vmstate(removed("always": u8))]
// +    #[vmstate(removed("always": u8, until = 2))]
//
// -    #[vmstate(removed("current": u8, until = 3))]
// +    #[vmstate(removed("current": u8, until = 2))]
//
// -    #[vmstate(removed("early": u8, until = 1))]
// +    #[vmstate(removed("early": u8, until = 2))]
//
// -    #[vmstate(removed("untyped", until = 2))]
// +    #[vmstate(removed("untyped": u8, until = 2))]
//
// -    #[vmstate(removed("first": u8, until = 2, unless = 1))]
// +    #[vmstate(removed("first[1]": u8, until = 2))]
//
// -    fn take(&mut self, _: u16) {}
// +    fn take(&mut self, _: u8) {}
