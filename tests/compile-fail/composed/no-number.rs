use vmstate::info::{As, Sequence};
use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(with = Sequence<4, As<u8>>)]
    levels: Vec<f32>,
}

fn main() {}

// Fix:
// -    levels: Vec<f32>,
// +    levels: Vec<usize>,
