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

// Fix:
// -    bytes: Vec<u8>,
// +    count: u8,
// +    #[vmstate(buffer(len = count, max = 4))]
// +    bytes: Vec<u8>,
//
// -    requests: Requests,
// +    #[vmstate(count("nrequests": u32), max = 4)]
// +    requests: Requests,
//
// -    slice: Box<[u16]>,
// +    #[vmstate(len = count, max = 4)]
// +    slice: Box<[u16]>,
//
// -    list: LinkedList<Request>,
// +    #[vmstate(list(max = 4))]
// +    list: LinkedList<Request>,
//
// -    tree: BTreeMap<u64, Request>,
// +    #[vmstate(tree(direct, max = 4))]
// +    tree: BTreeMap<u64, Request>,
//
// -    deadline: Option<u64>,
// +    #[vmstate(timer)]
// +    deadline: Option<u64>,
//
// -    slots: [Option<Box<Request>>; 4],
// +    #[vmstate(pointer)]
// +    slots: [Option<Box<Request>>; 4],
//
// -#[derive(VmState)]
// +#[derive(VmState, Default)]
