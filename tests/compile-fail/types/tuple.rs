use vmstate::VmState;

#[derive(VmState)]
struct Pair(u8, u8);

fn main() {}
