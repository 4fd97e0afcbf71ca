use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(tree(max = 8))]
    items: Vec<u8>,
}

fn main() {}
