use vmstate::VmState;

#[derive(VmState)]
union Register {
    word: u32,
    bytes: [u8; 4],
}

fn main() {}

// Fix:
// -union Register {
// +struct Register {
//
// -    bytes: [u8; 4],
