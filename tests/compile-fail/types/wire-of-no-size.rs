use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(wire = usize)]
    size: u64,
    #[vmstate(wire = f64)]
    float: u64,
}

fn main() {}

// Fix:
// -    #[vmstate(wire = usize)]
// +    #[vmstate(wire = u32)]
//
// -    #[vmstate(wire = f64)]
// +    #[vmstate(wire = u32)]
