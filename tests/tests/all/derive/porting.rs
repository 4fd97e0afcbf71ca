//! The table of QEMU's macros in the reference of attributes: every row, with its bytes.
//!
//! `every_row_of_the_table_is_tested` searches this file for the Rust code of the table.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use vmstate::description::Priority;
use vmstate::info::array::{Boxed, Each};
use vmstate::prelude::*;
use vmstate::{Info, Temporary};

use super::{hex, load, save};

const TABLE: &str = include_str!("../../../../vmstate/src/attributes/porting.md");

/// Saving `device` gives `wire`, and loading that into `fresh` gives `device` again.
fn both_ways<T: VmState + PartialEq + Debug>(mut device: T, mut fresh: T, wire: &str) {
    let wire = hex(wire);
    assert_eq!(save(&mut device), wire);
    load(&mut fresh, &wire, T::DESCRIPTION.version).unwrap();
    assert_eq!(fresh, device);
}

#[test]
fn every_row_of_the_table_is_tested() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let source = words(include_str!("porting.rs"));
    let rows = TABLE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| in C"));
    let mut tried = 0;
    for row in rows {
        let in_rust = row.split(" | ").nth(1).unwrap_or_default();
        for code in row.split('`').skip(1).step_by(2).filter(|code| code.contains(": ") || code.contains(" = ")) {
            assert!(source.contains(&words(code)), "{code} of the table is not tried");
            tried += 1;
        }
        assert!(!in_rust.is_empty(), "{row}");
    }
    assert!(tried >= 75, "{tried}");
}

/// All macros for fields that `include/migration/vmstate.h` has in QEMU 7.2 to 11. An ending `_V` or `_TEST` is a gate.
const MACROS: &str = "
    SINGLE_TEST SINGLE_FULL SINGLE VALIDATE POINTER POINTER_TEST ARRAY ARRAY_TEST 2DARRAY SUB_ARRAY ARRAY_INT32_UNSAFE
    VARRAY VARRAY_INT32 VARRAY_UINT32 VARRAY_ALLOC VARRAY_INT32_ALLOC VARRAY_UINT32_ALLOC VARRAY_UINT16_ALLOC
    VARRAY_UNSAFE VARRAY_UINT16_UNSAFE VARRAY_MULTIPLY VSTRUCT VSTRUCT_V VSTRUCT_TEST STRUCT STRUCT_TEST
    STRUCT_POINTER STRUCT_POINTER_V STRUCT_POINTER_TEST STRUCT_POINTER_TEST_V ARRAY_OF_POINTER
    ARRAY_OF_POINTER_TO_STRUCT VARRAY_OF_POINTER VARRAY_OF_POINTER_UINT32 VARRAY_OF_POINTER_TO_STRUCT_ALLOC
    VARRAY_OF_POINTER_TO_STRUCT_UINT8_ALLOC VARRAY_OF_POINTER_TO_STRUCT_UINT32_ALLOC STRUCT_SUB_ARRAY STRUCT_ARRAY
    STRUCT_ARRAY_TEST STRUCT_2DARRAY STRUCT_2DARRAY_TEST STRUCT_VARRAY STRUCT_VARRAY_UINT8 STRUCT_VARRAY_INT32
    STRUCT_VARRAY_UINT32 STRUCT_VARRAY_POINTER STRUCT_VARRAY_POINTER_INT32 STRUCT_VARRAY_POINTER_UINT32
    STRUCT_VARRAY_POINTER_UINT16 STRUCT_VARRAY_POINTER_KNOWN STRUCT_VARRAY_ALLOC STATIC_BUFFER VBUFFER VBUFFER_UINT32
    VBUFFER_UINT64 VBUFFER_ALLOC VBUFFER_ALLOC_UINT32 VBUFFER_MULTIPLY PARTIAL_VBUFFER PARTIAL_VBUFFER_UINT32 BUFFER
    BUFFER_V BUFFER_TEST PARTIAL_BUFFER BUFFER_START_MIDDLE BUFFER_START_MIDDLE_V BUFFER_UNSAFE BUFFER_UNSAFE_INFO
    BUFFER_UNSAFE_INFO_TEST BUFFER_POINTER_UNSAFE WITH_TMP WITH_TMP_TEST UNUSED UNUSED_V UNUSED_TEST UNUSED_BUFFER
    UNUSED_VARRAY UNUSED_VARRAY_UINT32 BITMAP BITMAP_TEST QTAILQ_V QLIST_V GTREE_V GTREE_DIRECT_KEY_V GBYTEARRAY
    BOOL INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 U8 U16 U32 U64 BOOL_V INT8_V INT16_V INT32_V INT64_V
    UINT8_V UINT16_V UINT32_V UINT64_V U8_V U16_V U32_V U64_V BOOL_TEST INT8_TEST INT16_TEST INT32_TEST INT64_TEST
    UINT8_TEST UINT16_TEST UINT32_TEST UINT64_TEST FD FD_V UINT8_EQUAL UINT16_EQUAL UINT16_EQUAL_V INT32_EQUAL
    UINT32_EQUAL UINT32_EQUAL_V UINT64_EQUAL UINT64_EQUAL_V INT32_POSITIVE_LE TIMER TIMER_V TIMER_TEST TIMER_PTR
    TIMER_PTR_V TIMER_PTR_TEST TIMER_ARRAY TIMER_PTR_ARRAY BOOL_ARRAY INT16_ARRAY INT32_ARRAY INT64_ARRAY UINT8_ARRAY
    UINT16_ARRAY UINT32_ARRAY UINT64_ARRAY BOOL_ARRAY_V INT16_ARRAY_V INT32_ARRAY_V INT64_ARRAY_V UINT8_ARRAY_V
    UINT16_ARRAY_V UINT32_ARRAY_V UINT64_ARRAY_V BOOL_SUB_ARRAY UINT8_SUB_ARRAY UINT16_SUB_ARRAY UINT32_SUB_ARRAY
    UINT64_SUB_ARRAY UINT8_2DARRAY UINT16_2DARRAY UINT32_2DARRAY UINT64_2DARRAY UINT8_2DARRAY_V UINT16_2DARRAY_V
    UINT32_2DARRAY_V UINT64_2DARRAY_V CPUDOUBLE_ARRAY CPUDOUBLE_ARRAY_V END_OF_LIST
";

#[test]
fn every_macro_is_in_the_table() {
    for name in MACROS.split_whitespace() {
        let without_gate = name.trim_end_matches("_V").trim_end_matches("_TEST");
        let is_there = |name: &str| TABLE.contains(&format!("`VMSTATE_{name}`"));
        assert!(is_there(name) || is_there(without_gate), "the table has no line for VMSTATE_{name}");
    }
}

/// An info of the device's own: eight flags in a byte.
#[derive(Debug)]
struct Packed;

impl Info<[bool; 8]> for Packed {
    const NAME: &'static str = "packed";
    const SIZE: Option<usize> = Some(1);

    fn put(flags: &[bool; 8], to: &mut Writer) -> Result<(), SaveError> {
        to.u8(flags.iter().rev().fold(0, |byte, &flag| byte << 1 | u8::from(flag)));
        Ok(())
    }

    fn get(flags: &mut [bool; 8], from: &mut Reader<'_>) -> Result<(), LoadError> {
        let byte = from.u8()?;
        *flags = std::array::from_fn(|bit| byte >> bit & 1 == 1);
        Ok(())
    }
}

/// The flags of which only the one of this bit is set.
fn flag(bit: usize) -> [bool; 8] {
    std::array::from_fn(|other| other == bit)
}

#[derive(VmState, Debug, Default, PartialEq, Clone)]
#[vmstate(name = "fifo", version = 2)]
struct Fifo {
    head: u8,
    #[vmstate(since = 2)]
    tail: u8,
}

fn fifo(head: u8) -> Fifo {
    Fifo { head, tail: 0xf0 | head }
}

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

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Structs {
    level: bool,
    fifo: Fifo,
    #[vmstate(when = Self::has_level)]
    extra: Fifo,
    boxed: Box<Fifo>,
    #[vmstate(pointer, when = Self::has_port)]
    port: Option<Box<Fifo>>,
    fifos: [Fifo; 2],
    grid: [[Fifo; 1]; 2],
    #[vmstate(range = 1..2)]
    some: [Fifo; 3],
    known: Box<[Fifo; 2]>,
    #[vmstate(versioned = 1)]
    old: Fifo,
    start: u8,
    #[vmstate(tmp = Length)]
    end: u8,
}

impl Structs {
    fn has_level(&self) -> bool {
        self.level
    }

    fn has_port(&self) -> bool {
        self.port.is_some()
    }
}

/// The wire has a length, and the struct an end.
#[derive(VmState)]
struct Length {
    length: u16,
}

impl Temporary<Structs> for Length {
    fn from_parent(parent: &Structs) -> Self {
        Self { length: u16::from(parent.end.saturating_sub(parent.start)) }
    }

    fn apply(self, parent: &mut Structs) -> Result<(), LoadError> {
        let end = u8::try_from(self.length).ok().and_then(|length| parent.start.checked_add(length));
        parent.end = end.ok_or_else(|| LoadError::malformed("a length that ends below 256", self.length))?;
        Ok(())
    }
}

#[test]
fn structs() {
    let device = |level, extra, port: Option<Fifo>| Structs {
        level,
        fifo: fifo(1),
        extra,
        boxed: Box::new(fifo(3)),
        port: port.map(Box::new),
        fifos: [fifo(5), fifo(6)],
        grid: [[fifo(7)], [fifo(8)]],
        some: [Fifo::default(), fifo(9), Fifo::default()],
        known: Box::new([fifo(0xa), fifo(0xb)]),
        old: Fifo { head: 0xc, tail: 0 },
        start: 0x20,
        end: 0x30,
    };
    let rest = "05f5 06f6 07f7 08f8 09f9 0afa 0bfb 0c 20 0010";
    let fresh = |port: Option<Fifo>| Structs { port: port.map(Box::new), ..Structs::default() };
    let whole = device(true, fifo(2), Some(fifo(4)));
    both_ways(whole, fresh(Some(Fifo::default())), &format!("01 01f1 02f2 03f3 04f4 {rest}"));
    both_ways(device(false, Fifo::default(), None), fresh(None), &format!("00 01f1 03f3 {rest}"));
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Many {
    count: u32,
    #[vmstate(len = count)]
    front: [Fifo; 4],
    #[vmstate(len = count, max = 64)]
    grown: Vec<Fifo>,
    #[vmstate(pointer)]
    numbers: [Option<Box<u16>>; 2],
    #[vmstate(pointer)]
    slots: [Option<Box<Fifo>>; 2],
    #[vmstate(pointer, len = count, max = 64)]
    ports: Vec<Option<Box<u16>>>,
    #[vmstate(pointer(alloc), len = count, max = 64)]
    made: Vec<Option<Box<Fifo>>>,
}

#[test]
fn many_structs_and_pointers() {
    let device = Many {
        count: 2,
        front: [fifo(1), fifo(2), Fifo::default(), Fifo::default()],
        grown: vec![fifo(3), fifo(4)],
        numbers: [None, Some(Box::new(5))],
        slots: [Some(Box::new(fifo(6))), None],
        ports: vec![Some(Box::new(7)), None],
        made: vec![None, Some(Box::new(fifo(8)))],
    };
    let fresh = Many {
        numbers: [None, Some(Box::default())],
        slots: [Some(Box::default()), None],
        ports: vec![Some(Box::default()), None],
        ..Many::default()
    };
    both_ways(device, fresh, "00000002 01f1 02f2 03f3 04f4 30 0005 06f6 30 0007 30 30 31 08f8");
}

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

#[derive(VmState, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Clone)]
#[vmstate(version = 2)]
struct Key {
    low: u8,
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Containers {
    level: bool,
    #[vmstate(timer)]
    timeout: Option<u64>,
    #[vmstate(timer, when = Self::has_level)]
    dynamic: Option<u64>,
    #[vmstate(timer)]
    timers: [Option<u64>; 2],
    #[vmstate(list(max = 16))]
    queue: VecDeque<Fifo>,
    #[vmstate(list(qlist, max = 16))]
    list: Vec<Fifo>,
    #[vmstate(list(max = 16, version = 1))]
    older: Vec<Fifo>,
    #[vmstate(tree(max = 16))]
    tree: BTreeMap<Key, Fifo>,
    #[vmstate(tree(direct, max = 16))]
    direct: BTreeMap<u64, Fifo>,
}

impl Containers {
    fn has_level(&self) -> bool {
        self.level
    }
}

#[test]
fn timers_and_containers() {
    let device = |level, dynamic| Containers {
        level,
        timeout: Some(1),
        dynamic,
        timers: [Some(3), None],
        queue: [fifo(4), fifo(5)].into(),
        list: vec![fifo(6)],
        older: vec![],
        tree: [(Key { low: 7 }, fifo(8))].into(),
        direct: [(9, fifo(10))].into(),
    };
    let rest = "0000000000000003 ffffffffffffffff 01 04f4 01 05f5 00 01 06f6 00 00
        00000001 01 07 08f8 00 00000001 01 0000000000000009 0afa 00";
    let timers = "0000000000000001 0000000000000002";
    both_ways(device(true, Some(2)), Containers::default(), &format!("01 {timers} {rest}"));
    both_ways(device(false, None), Containers::default(), &format!("00 0000000000000001 {rest}"));
}

#[test]
fn list_elements_load_at_the_macros_version() {
    let mut device = Containers::default();
    let timers = "ff".repeat(24);
    load(&mut device, &hex(&format!("00 {timers} 00 00 01 0b 01 0c 00 00000000 00 00000000 00")), 1).unwrap();
    assert_eq!(device.older, [11, 12].map(|head| Fifo { head, tail: 0 }));
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev", version = 3, minimum_version = 2, load_old(min = 1, with = Self::load_first))]
#[vmstate(priority = PciBus, unmigratable, early_setup, needed = Self::is_needed)]
#[vmstate(pre_load = Self::prepare, post_load = Self::rearm, pre_save = Self::gather, post_save = Self::scatter)]
#[vmstate(subsection("dev/tx", needed = Self::is_sending))]
struct Whole {
    #[vmstate(subsection("dev/level", needed = Self::has_level))]
    level: u8,
    #[vmstate(subsection("dev/fifo"))]
    fifo: Option<Fifo>,
    #[vmstate(in = "dev/tx")]
    retries: u8,
    #[vmstate(in = "dev/tx")]
    byte: u8,
    #[vmstate(skip = "record of the hooks")]
    calls: Vec<&'static str>,
}

impl Whole {
    fn load_first(&mut self, reader: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.level = reader.u8()?;
        Ok(())
    }

    fn is_needed(&self) -> bool {
        self.level > 1
    }

    fn has_level(&self) -> bool {
        self.level != 0
    }

    fn is_sending(&self) -> bool {
        self.retries != 0
    }

    fn prepare(&mut self) {
        self.calls.push("pre_load");
    }

    fn rearm(&mut self, version: u32) {
        self.calls.push(if version == 3 { "post_load" } else { "old post_load" });
    }

    fn gather(&mut self) {
        self.calls.push("pre_save");
    }

    fn scatter(&mut self) {
        self.calls.push("post_save");
    }
}

#[test]
fn fields_of_the_description() {
    let description = Whole::DESCRIPTION;
    assert_eq!((description.version, description.minimum_version, description.oldest_version), (3, 2, Some(1)));
    assert!(description.unmigratable && description.early_setup && description.priority == Priority::PciBus);
    let mut device = Whole { level: 2, fifo: Some(fifo(3)), retries: 4, byte: 5, calls: vec![] };
    assert!(device.needed() && !Whole { level: 1, ..Whole::default() }.needed());

    let (level, queue) = (b"\x05\x09dev/level\0\0\0\x01\x02", b"\x05\x08dev/fifo\0\0\0\x01\x03\xf3");
    let wire = [&level[..], queue, b"\x05\x06dev/tx\0\0\0\x01\x04\x05"].concat();
    assert_eq!(save(&mut device), wire);
    assert_eq!(device.calls, ["pre_save", "post_save"]);
    let mut loaded = Whole::default();
    load(&mut loaded, &wire, 3).unwrap();
    assert_eq!(loaded.calls, ["pre_load", "post_load"]);
    assert_eq!(Whole { calls: vec![], ..loaded }, Whole { calls: vec![], ..device });

    let mut old = Whole::default();
    load(&mut old, &[6], 1).unwrap();
    assert_eq!(old, Whole { level: 6, ..Whole::default() });
}
