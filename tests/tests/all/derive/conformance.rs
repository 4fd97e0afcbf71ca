//! The cases of QEMU's unit test of its engine (`tests/unit/test-vmstate.c`) that need no pointers and no containers.

use vmstate::prelude::*;

use super::{check_truncation, hex, load, save};

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "simple/primitive")]
struct Primitive {
    b_1: bool,
    b_2: bool,
    u8_1: u8,
    u16_1: u16,
    u32_1: u32,
    u64_1: u64,
    i8_1: i8,
    i8_2: i8,
    i16_1: i16,
    i16_2: i16,
    i32_1: i32,
    i32_2: i32,
    i64_1: i64,
    i64_2: i64,
}

#[test]
fn simple_primitive() {
    let bytes = hex("01 00 82 0200 00011170 0000000000b8f47c 41 bf 0200 fe00 00011170 fffeee90
                     0000000000b8f47c ffffffffff470b84");
    let mut device = Primitive {
        b_1: true,
        b_2: false,
        u8_1: 130,
        u16_1: 512,
        u32_1: 70000,
        u64_1: 12_121_212,
        i8_1: 65,
        i8_2: -65,
        i16_1: 512,
        i16_2: -512,
        i32_1: 70000,
        i32_2: -70000,
        i64_1: 12_121_212,
        i64_2: -12_121_212,
    };
    assert_eq!(save(&mut device), bytes);
    let mut loaded = Primitive::default();
    load(&mut loaded, &bytes, 1).unwrap();
    assert_eq!(loaded, device);
    check_truncation::<Primitive>(&bytes, 1);
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "simple/array")]
struct Array {
    u16_1: [u16; 3],
}

#[test]
fn simple_array() {
    let mut device = Array { u16_1: [0x42, 0x43, 0x44] };
    assert_eq!(save(&mut device), hex("0042 0043 0044"));
    let mut loaded = Array::default();
    load(&mut loaded, &hex("0042 0043 0044"), 1).unwrap();
    assert_eq!(loaded, device);
    check_truncation::<Array>(&hex("0042 0043 0044"), 1);
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "test/versioned", version = 2)]
struct Versioned {
    a: u32,
    #[vmstate(since = 2)]
    b: u32,
    c: u32,
    d: u64,
    #[vmstate(since = 2)]
    e: u32,
    #[vmstate(since = 2)]
    f: u64,
}

const VERSION_1: &str = "0000000a 0000001e 0000000000000028";
const VERSION_2: &str = "0000000a 00000014 0000001e 0000000000000028 00000032 000000000000003c";

#[test]
fn versioned_load() {
    let mut device = Versioned { b: 200, e: 500, f: 600, ..Versioned::default() };
    load(&mut device, &hex(VERSION_1), 1).unwrap();
    assert_eq!(device, Versioned { a: 10, b: 200, c: 30, d: 40, e: 500, f: 600 });
    check_truncation::<Versioned>(&hex(VERSION_1), 1);

    let mut device = Versioned::default();
    load(&mut device, &hex(VERSION_2), 2).unwrap();
    assert_eq!(device, Versioned { a: 10, b: 20, c: 30, d: 40, e: 50, f: 60 });
    assert_eq!(save(&mut device), hex(VERSION_2));
    check_truncation::<Versioned>(&hex(VERSION_2), 2);
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "test/skip", version = 2)]
struct Skipping {
    #[vmstate(skip = "what the predicate asks for")]
    skip_c_e: bool,
    a: u32,
    #[vmstate(since = 2)]
    b: u32,
    #[vmstate(when = Self::test_skip)]
    c: u32,
    d: u64,
    #[vmstate(when = Self::test_skip)]
    e: u32,
    #[vmstate(since = 2)]
    f: u64,
}

impl Skipping {
    fn test_skip(&self, _version: u32) -> bool {
        !self.skip_c_e
    }
}

#[test]
fn field_exists_save() {
    let mut device = Skipping { skip_c_e: false, a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 };
    assert_eq!(save(&mut device), hex("00000001 00000002 00000003 0000000000000004 00000005 0000000000000006"));
    device.skip_c_e = true;
    assert_eq!(save(&mut device), hex("00000001 00000002 0000000000000004 0000000000000006"));
}

#[test]
fn field_exists_load() {
    let mut device = Skipping::default();
    load(&mut device, &hex(VERSION_2), 2).unwrap();
    assert_eq!(device, Skipping { skip_c_e: false, a: 10, b: 20, c: 30, d: 40, e: 50, f: 60 });
    check_truncation::<Skipping>(&hex(VERSION_2), 2);

    let mut device = Skipping { skip_c_e: true, c: 300, e: 500, ..Skipping::default() };
    load(&mut device, &hex("0000000a 00000014 0000000000000028 000000000000003c"), 2).unwrap();
    assert_eq!(device, Skipping { skip_c_e: true, a: 10, b: 20, c: 300, d: 40, e: 500, f: 60 });
}
