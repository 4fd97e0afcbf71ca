// Each attribute that chooses an info.
struct Infos {
    #[vmstate(buffer)]
    a: [u8; 4],
    #[vmstate(equal = "same size on both sides")]
    b: u32,
    #[vmstate(le)]
    c: i32,
    #[vmstate(timer)]
    d: [Option<u64>; 2],
    #[vmstate(with = path::to::MyInfo<u8>, name = "env")]
    e: Flags,
    #[vmstate(unused(before = 1, after = 2))]
    f: u8,
    g: Unused<8>,
}
