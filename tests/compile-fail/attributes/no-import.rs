use vmstate::Reader;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    level: u8,
}

fn main() {
    let _ = Reader::from_slice(&[]);
}

// Fix:
// -use vmstate::Reader;
// +use vmstate::{Reader, VmState};
