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
