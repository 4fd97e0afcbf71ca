use std::collections::LinkedList;

use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(list(max = 4))]
    pending: LinkedList<u32>,
}

fn main() {}

// Fix:
// -#[derive(VmState)]
// +#[derive(VmState, Default)]
// +struct Request {
// +    tag: u32,
// +}
// +
// +#[derive(VmState)]
//
// -    pending: LinkedList<u32>,
// +    pending: LinkedList<Request>,
