//! A device that compiles.

#[derive(vmstate::VmState)]
struct Latch {
    value: u8,
}

fn main() {
    let mut latch = Latch { value: 7 };
    assert_eq!(vmstate::VmState::save_to_slice(&mut latch, &mut [0; 2]).unwrap(), 1);
}
