//! Numbers, arrays and checked values.

use super::*;

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev", version = 2, must_exist("level is low", Self::is_low))]
struct Numbers {
    level: bool,
    offset: i32,
    reg: u32,
    #[vmstate(since = 2)]
    scale: u32,
    #[vmstate(when = Self::has_level)]
    dynamic: u32,
    #[vmstate(name = "env.pc")]
    pc: u64,
    #[vmstate(equal)]
    queues: u16,
    #[vmstate(equal = "set num-lines alike")]
    lines: u32,
    #[vmstate(le)]
    limit: i32,
    #[vmstate(with = Packed)]
    flags: [bool; 8],
    #[vmstate(with = Boxed<Packed>)]
    boxed: Box<[bool; 8]>,
    #[vmstate(field("regs[2]": u32 = regs[2]))]
    #[vmstate(opaque = "by hand")]
    inner: Fifo,
    #[vmstate(skip = "sent in parts")]
    regs: [u32; 3],
}

impl Numbers {
    fn has_level(&self) -> bool {
        self.level
    }

    fn is_low(&self) -> bool {
        self.reg < 0x100
    }
}

#[test]
fn numbers() {
    let device = |level, dynamic| Numbers {
        level,
        offset: -2,
        reg: 3,
        scale: 4,
        dynamic,
        pc: 6,
        queues: 7,
        lines: 8,
        limit: 9,
        flags: flag(7),
        boxed: Box::new(flag(6)),
        inner: fifo(10),
        regs: [0, 0, 11],
    };
    let fresh = || Numbers { queues: 7, lines: 8, limit: 10, ..Numbers::default() };
    let rest = "0000000000000006 0007 00000008 00000009 80 40 0000000b 0afa";
    both_ways(device(true, 5), fresh(), &format!("01 fffffffe 00000003 00000004 00000005 {rest}"));
    both_ways(device(false, 0), fresh(), &format!("00 fffffffe 00000003 00000004 {rest}"));
    let old = hex(&format!("00 fffffffe 00000003 {rest}"));
    load(&mut fresh(), &old, 1).unwrap();
    assert_eq!(load(&mut Numbers { lines: 9, ..fresh() }, &old, 1).unwrap_err().advice(), Some("set num-lines alike"));
    assert!(Numbers { reg: 0x100, ..fresh() }.save(&mut Writer::new()).is_err());
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Arrays {
    regs: [u32; 2],
    table: [[u16; 2]; 3],
    #[vmstate(range = 2..5)]
    part: [u8; 8],
    fprs: [f64; 1],
    #[vmstate(with = Each<Packed>)]
    masks: [[bool; 8]; 2],
    count: u16,
    #[vmstate(len = count, max = 64)]
    grown: Vec<u16>,
    #[vmstate(len = count)]
    front: [u16; 8],
    #[vmstate(len = count * 3)]
    triples: [u8; 12],
    #[vmstate(len = count, max = 64, with = Packed)]
    packed: Vec<[bool; 8]>,
}

#[test]
fn arrays() {
    let device = Arrays {
        regs: [1, 2],
        table: [[1, 2], [3, 4], [5, 6]],
        part: [0, 0, 3, 4, 5, 0, 0, 0],
        fprs: [1.0],
        masks: [flag(0), flag(1)],
        count: 1,
        grown: vec![0x0a0b],
        front: [0x0c0d, 0, 0, 0, 0, 0, 0, 0],
        triples: [7, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        packed: vec![flag(2)],
    };
    let wire = "00000001 00000002 0001 0002 0003 0004 0005 0006 030405 3ff0000000000000 01 02
        0001 0a0b 0c0d 070809 04";
    both_ways(device, Arrays::default(), wire);
}
