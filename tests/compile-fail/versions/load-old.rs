use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(version = 3, minimum_version = 2, load_old(min = 2, with = load))]
struct Needless {
    field: u8,
}

#[derive(VmState)]
#[vmstate(version = 3, minimum_version = 2, load_old(min = 1))]
struct WithoutFunction {
    field: u8,
}

#[derive(VmState)]
#[vmstate(version = 3, minimum_version = 2, load_old(min = 1, with = Self::load_old))]
struct Wrong {
    field: u8,
}

impl Wrong {
    fn load_old(&mut self, _: u32) {}
}

fn main() {}
