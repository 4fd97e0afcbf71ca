use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(3, priority, remote, crate)]
struct Struct {
    a: u8,
}

#[derive(VmState)]
struct Device {
    count: u8,
    #[vmstate(default = , reset)]
    a: u8,
    #[vmstate(len, max)]
    b: Vec<u8>,
    #[vmstate(buffer(len, multiply = "4", max))]
    c: Vec<u8>,
    #[vmstate(bitmap(bits, max))]
    d: Vec<u64>,
    #[vmstate(bitmap = 64)]
    e: [u64; 1],
    #[vmstate(list(max))]
    f: Vec<u8>,
    #[vmstate(tree(max))]
    g: Vec<u8>,
    #[vmstate(byte_array(max))]
    h: Vec<u8>,
    #[vmstate(tmp, equal = 5, opaque = 6, in = 7)]
    i: u32,
    #[vmstate(unused(before = "4", after))]
    j: u8,
    #[vmstate(ambiguous)]
    k: u8,
    #[vmstate(skip = 9)]
    l: u8,
    #[vmstate(default = 1 +)]
    m: u8,
    #[vmstate(len = 3 + 4)]
    n: Vec<u8>,
    #[vmstate(tree = 3)]
    o: u8,
    #[vmstate(pointer = 3)]
    p: u8,
    #[vmstate(list = 3, byte_array = 3, buffer = 3)]
    q: u8,
    #[vmstate(wire = u16, timer)]
    r: u8,
}

fn main() {}
