use vmstate::VmState;

#[derive(VmState)]
struct Device {
    count: u32,
    #[vmstate(len = cuont, max = 4)]
    misspelt: Vec<u32>,
    #[vmstate(len = 16)]
    fixed: Vec<u8>,
    #[vmstate(buffer(len = 16))]
    bytes: Vec<u8>,
}

fn main() {}

// Fix:
// -    #[vmstate(len = cuont, max = 4)]
// +    #[vmstate(len = count, max = 4)]
//
// -    #[vmstate(len = 16)]
// -    fixed: Vec<u8>,
// -    #[vmstate(buffer(len = 16))]
// -    bytes: Vec<u8>,
// +    fixed: [u8; 16],
// +    #[vmstate(buffer)]
// +    bytes: [u8; 16],
