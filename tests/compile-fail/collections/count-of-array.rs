use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(count("nrows": u8), max = 4)]
    rows: [Vec<u8>; 2],
    #[vmstate(count("nlevels": u8), max = 4)]
    levels: u32,
}

fn main() {}

// Fix:
// -    rows: [Vec<u8>; 2],
// +    rows: Vec<[u8; 2]>,
//
// -    levels: u32,
// +    levels: Vec<u32>,
