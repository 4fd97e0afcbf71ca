use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(pointer)]
    items: Vec<Option<Box<u8>>>,
}

fn main() {}
