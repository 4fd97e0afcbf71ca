use std::collections::{BTreeMap, LinkedList, VecDeque};

use vmstate::prelude::*;

type Requests = VecDeque<Request>;

#[derive(VmState)]
struct Device {
    bytes: Vec<u8>,
    requests: Requests,
    slice: Box<[u16]>,
    list: LinkedList<Request>,
    tree: BTreeMap<u64, Request>,
    deadline: Option<u64>,
    slots: [Option<Box<Request>>; 4],
}

#[derive(VmState)]
struct Request {
    tag: u32,
}

fn main() {}
