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

// Fix:
// -#[derive(VmState)]
// -#[vmstate(3, priority, remote, crate)]
// +#[derive(VmState, Default)]
// +#[vmstate(name = "serial", priority = PciBus)]
//
// -    #[vmstate(default = , reset)]
// +    #[vmstate(skip = "wired by the board", reset = 1)]
//
// -    #[vmstate(len, max)]
// +    #[vmstate(len = count, max = 64)]
//
// -    #[vmstate(buffer(len, multiply = "4", max))]
// +    #[vmstate(buffer(len = count, multiply = 4, max = 4096))]
//
// -    #[vmstate(bitmap(bits, max))]
// +    #[vmstate(bitmap(bits = 64))]
//
// -    #[vmstate(bitmap = 64)]
// +    #[vmstate(bitmap(bits = 64))]
//
// -    #[vmstate(list(max))]
// -    f: Vec<u8>,
// -    #[vmstate(tree(max))]
// -    g: Vec<u8>,
// -    #[vmstate(byte_array(max))]
// +    #[vmstate(list(max = 16))]
// +    f: Vec<Struct>,
// +    #[vmstate(tree(direct, max = 16))]
// +    g: std::collections::BTreeMap<u8, Struct>,
// +    #[vmstate(byte_array(max = 4096))]
//
// -    #[vmstate(tmp, equal = 5, opaque = 6, in = 7)]
// +    #[vmstate(equal = "set the same CPU model")]
//
// -    #[vmstate(unused(before = "4", after))]
// +    #[vmstate(unused(before = 4, after = 4))]
//
// -    #[vmstate(ambiguous)]
// +    #[vmstate(ambiguous = "QEMU's layout")]
//
// -    #[vmstate(skip = 9)]
// +    #[vmstate(skip = "wired by the board")]
//
// -    #[vmstate(default = 1 +)]
//
// -    #[vmstate(len = 3 + 4)]
// -    n: Vec<u8>,
// -    #[vmstate(tree = 3)]
// +    n: [u8; 7],
//
// -    #[vmstate(pointer = 3)]
// -    p: u8,
// -    #[vmstate(list = 3, byte_array = 3, buffer = 3)]
// -    q: u8,
// -    #[vmstate(wire = u16, timer)]
// -    r: u8,
// +    #[vmstate(pointer(alloc))]
// +    p: [Option<Box<u8>>; 3],
// +    #[vmstate(buffer)]
// +    q: [u8; 3],
// +    #[vmstate(timer)]
// +    r: Option<u64>,
