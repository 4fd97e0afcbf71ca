use vmstate::info::{Map, Sequence};
use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(with = Sequence<4>)]
    lines: Vec<Line>,
    #[vmstate(with = Sequence<4>)]
    rows: Vec<Vec<u8>>,
    #[vmstate(with = Map<4>)]
    sizes: std::collections::BTreeMap<u8, usize>,
}

#[derive(Default)]
struct Line;

fn main() {}

// Fix:
// -    rows: Vec<Vec<u8>>,
// +    rows: Vec<[u8; 4]>,
//
// -    sizes: std::collections::BTreeMap<u8, usize>,
// +    sizes: std::collections::BTreeMap<u8, u32>,
//
// -#[derive(Default)]
// -struct Line;
// +#[derive(VmState, Default)]
// +struct Line {
// +    level: u8,
// +}
