use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(wire = u32)]
    text: String,
    #[vmstate(wire = f64)]
    size: usize,
}

fn main() {}
