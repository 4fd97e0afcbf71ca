use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(list(max = 8))]
    items: [u8; 8],
}

fn main() {}

// Fix:
// -    items: [u8; 8],
// +    items: Vec<Item>,
// +}
// +
// +#[derive(VmState, Default)]
// +struct Item {
// +    value: u8,
