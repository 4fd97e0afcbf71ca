use vmstate::info::Sequence;
use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(with = Sequence<4>)]
    items: Vec<Item>,
    pair: (Item, u8),
}

#[derive(VmState, Default)]
struct Item {
    value: u8,
    #[vmstate(subsection("Item/extra"))]
    extra: Option<u8>,
}

fn main() {}

// Fix:
// -    value: u8,
// +    inner: Inner,
// +}
// +
// +#[derive(VmState, Default)]
// +struct Inner {
// +    value: u8,
//
// -    #[vmstate(subsection("Item/extra"))]
// +    #[vmstate(option)]
