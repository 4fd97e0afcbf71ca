#[vmstate(name = "counted")]
struct Counted {
    count: u8,
    #[vmstate(len = count, max = 64)]
    numbers: Vec<u16>,
    #[vmstate(len = count * Self::EACH)]
    front: [Inner; 8],
    #[vmstate(len = count, max = 4, wire = u32)]
    sizes: Vec<usize>,
    #[vmstate(count("nmore": u16), max = MORE)]
    more: VecDeque<Inner>,
    #[vmstate(buffer(len = count, multiply = 4, max = 256))]
    bytes: Vec<u8>,
    #[vmstate(bitmap(bits = count, max = 512))]
    bits: Vec<u64>,
    #[vmstate(bitmap(bits = 100))]
    fixed_bits: [u64; 2],
    #[vmstate(byte_array(max = 16))]
    own_length: Vec<u8>,
    #[vmstate(unused(before = count * 3, max = 9))]
    last: u8,
}
