use std::collections::LinkedList;

use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(list(max = 4))]
    pending: LinkedList<u32>,
}

fn main() {}
