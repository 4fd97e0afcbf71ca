use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(with = Nibbles)]
    value: u8,
}

struct Nibbles;

fn main() {}
