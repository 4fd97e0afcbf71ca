//! Buffers, bitmaps and unused bytes.

use super::*;

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Buffers {
    #[vmstate(buffer)]
    data: [u8; 4],
    #[vmstate(buffer, range = ..2)]
    front: [u8; 4],
    #[vmstate(buffer, range = 3..)]
    back: [u8; 4],
    #[vmstate(buffer, range = 1..3)]
    middle: [u8; 4],
    #[vmstate(buffer)]
    boxed: Box<[u8; 4]>,
    size: u8,
    #[vmstate(buffer(len = size, max = 4096))]
    sized: Vec<u8>,
    #[vmstate(buffer(len = size, multiply = 2, max = 4096))]
    words: Vec<u8>,
    nbits: i32,
    #[vmstate(bitmap(bits = nbits, max = 512))]
    dirty: Vec<u64>,
    #[vmstate(byte_array(max = 4096))]
    blob: Vec<u8>,
}

#[test]
fn buffers_and_bitmaps() {
    let device = Buffers {
        data: [1, 2, 3, 4],
        front: [5, 6, 0, 0],
        back: [0, 0, 0, 7],
        middle: [0, 8, 9, 0],
        boxed: Box::new([0xa, 0xb, 0xc, 0xd]),
        size: 1,
        sized: vec![0xe],
        words: vec![0xf, 0x10],
        nbits: 3,
        dirty: vec![5],
        blob: vec![0x11],
    };
    let wire = "01020304 0506 07 0809 0a0b0c0d 01 0e 0f10 00000003 0000000000000005 00000001 11";
    both_ways(device, Buffers::default(), wire);
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev", version = 2, removed("gone": [u8; 2], until = 1))]
struct Gaps {
    #[vmstate(unused(before = 2))]
    level: u8,
    gap: Unused<2>,
    #[vmstate(since = 2)]
    newer_gap: Unused<2>,
    #[vmstate(when = Self::has_level)]
    tested_gap: Unused<2>,
    count: u32,
    #[vmstate(len = count, max = 64)]
    gaps: Vec<Unused<2>>,
    #[vmstate(unused(before = count * 2, max = 64))]
    last: u8,
}

impl Gaps {
    fn has_level(&self) -> bool {
        self.level != 0
    }
}

#[test]
fn bytes_without_meaning() {
    let device = Gaps { level: 7, count: 2, gaps: vec![Unused; 2], last: 8, ..Gaps::default() };
    both_ways(device, Gaps::default(), "0000 07 0000 0000 0000 00000002 0000 0000 0000 0000 08");
    let mut old = Gaps::default();
    load(&mut old, &hex("aaaa 00 aaaa 00000001 aaaa aaaa 09 aaaa"), 1).unwrap();
    assert_eq!(old, Gaps { count: 1, gaps: vec![Unused], last: 9, ..Gaps::default() });
}
