use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(tree(max = 8))]
    items: Vec<u8>,
}

fn main() {}

// Fix:
// -    #[vmstate(tree(max = 8))]
// -    items: Vec<u8>,
// +    #[vmstate(tree(direct, max = 8))]
// +    items: std::collections::BTreeMap<u64, Item>,
// +}
// +
// +#[derive(VmState, Default)]
// +struct Item {
// +    value: u8,
