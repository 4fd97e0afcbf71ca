use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    count: u8,
    #[vmstate(range = 2..=3)]
    closed: [u8; 4],
    #[vmstate(range = ..)]
    whole: [u8; 4],
    #[vmstate(range = 3)]
    number: [u8; 4],
    #[vmstate(range = 0..2, len = count)]
    counted: [u8; 4],
    #[vmstate(range = 0..2, buffer(len = count))]
    sized: [u8; 4],
    #[vmstate(range = 0..2, buffer)]
    words: [u16; 4],
    #[vmstate(range = 0..2)]
    scalar: u16,
}

fn main() {}

// Fix:
// -    #[vmstate(range = 2..=3)]
// +    #[vmstate(range = 2..4)]
//
// -    #[vmstate(range = ..)]
//
// -    #[vmstate(range = 3)]
// +    #[vmstate(range = 3..4)]
//
// -    #[vmstate(range = 0..2, len = count)]
// +    #[vmstate(len = count)]
//
// -    #[vmstate(range = 0..2, buffer(len = count))]
// +    #[vmstate(buffer(len = count))]
//
// -    words: [u16; 4],
// -    #[vmstate(range = 0..2)]
// +    words: [u8; 4],
