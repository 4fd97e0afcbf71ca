//! The cases of QEMU's own unit test of its engine, with their exact bytes, through the derive.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use vmstate::prelude::*;

/// Writes a hex string as bytes.
fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    assert!(digits.len().is_multiple_of(2), "{text}");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Saving `device` gives `wire`, and loading that into `fresh` gives `device` again; each shorter stream is refused.
fn both_ways<T: VmState + PartialEq + Debug>(mut device: T, fresh: impl Fn() -> T, wire: &str) {
    let wire = hex(wire);
    let mut writer = Writer::new();
    device.save(&mut writer).unwrap();
    assert_eq!(writer.pending(), wire);
    let mut loaded = fresh();
    let mut reader = Reader::from_slice(&wire);
    loaded.load(&mut reader, T::DESCRIPTION.version).unwrap();
    assert!(reader.at_end().unwrap(), "all of it was read");
    assert_eq!(loaded, device);
    for length in 0..wire.len() {
        let error = fresh().load(&mut Reader::from_slice(&wire[..length]), T::DESCRIPTION.version).unwrap_err();
        assert!(error.is_truncated(), "{length}: {error}");
    }
}

#[derive(VmState, Default, Debug, PartialEq)]
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
    let device = Primitive {
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
    let wire =
        "01 00 82 0200 00011170 0000000000b8f47c 41 bf 0200 fe00 00011170 fffeee90 0000000000b8f47c ffffffffff470b84";
    both_ways(device, Primitive::default, wire);
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "simple/array")]
struct Array {
    u16_1: [u16; 3],
}

#[test]
fn simple_array() {
    both_ways(Array { u16_1: [0x42, 0x43, 0x44] }, Array::default, "0042 0043 0044");
}

#[derive(VmState, Default, Debug, PartialEq)]
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

#[test]
fn versioned_load() {
    let mut old = Versioned { b: 200, e: 500, f: 600, ..Versioned::default() };
    old.load(&mut Reader::from_slice(&hex("0000000a 0000001e 0000000000000028")), 1).unwrap();
    assert_eq!(old, Versioned { a: 10, b: 200, c: 30, d: 40, e: 500, f: 600 });
    let wire = "0000000a 00000014 0000001e 0000000000000028 00000032 000000000000003c";
    both_ways(Versioned { a: 10, b: 20, c: 30, d: 40, e: 50, f: 60 }, Versioned::default, wire);
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/skip", version = 2)]
struct Skipping {
    a: u32,
    b: u32,
    #[vmstate(when = Self::exists)]
    c: u32,
    d: u64,
    #[vmstate(when = Self::exists)]
    e: u32,
    #[vmstate(since = 2)]
    f: u64,
    #[vmstate(skip = "what the predicate asks")]
    skip_c_e: bool,
}

impl Skipping {
    fn exists(&self) -> bool {
        !self.skip_c_e
    }
}

#[test]
fn field_exists() {
    let noskip = "00000001 00000002 00000003 0000000000000004 00000005 0000000000000006";
    let all = Skipping { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, skip_c_e: false };
    both_ways(all, Skipping::default, noskip);

    let skipping = || Skipping { c: 300, e: 500, skip_c_e: true, ..Skipping::default() };
    let mut saved = Skipping { a: 1, b: 2, d: 4, f: 6, ..skipping() };
    let mut writer = Writer::new();
    saved.save(&mut writer).unwrap();
    assert_eq!(writer.pending(), hex("00000001 00000002 0000000000000004 0000000000000006"));
    let mut loaded = skipping();
    let wire = hex("0000000a 00000014 0000000000000028 000000000000003c");
    loaded.load(&mut Reader::from_slice(&wire), 2).unwrap();
    assert_eq!(loaded, Skipping { a: 10, b: 20, c: 300, d: 40, e: 500, f: 60, skip_c_e: true });
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/simple")]
struct Simple {
    i: i32,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/array/ptr/str")]
struct Pointers {
    #[vmstate(pointer)]
    ar: [Option<Box<Simple>>; 4],
}

impl Pointers {
    fn of(values: [Option<i32>; 4]) -> Self {
        Self { ar: values.map(|value| value.map(|i| Box::new(Simple { i }))) }
    }
}

#[test]
fn array_of_pointers_to_structs() {
    let all = || Pointers::of([Some(0); 4]);
    both_ways(Pointers::of([0, 1, 2, 3].map(Some)), all, "00000000 00000001 00000002 00000003");
    let some = || Pointers::of([Some(0), None, Some(0), Some(0)]);
    both_ways(Pointers::of([Some(0), None, Some(2), Some(3)]), some, "00000000 30 00000002 00000003");
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/array/ptr/prim")]
struct PointersToNumbers {
    #[vmstate(pointer)]
    ar: [Option<Box<i32>>; 4],
}

#[test]
fn array_of_pointers_to_numbers() {
    let of = |values: [Option<i32>; 4]| PointersToNumbers { ar: values.map(|value| value.map(Box::new)) };
    let fresh = || of([Some(0), None, Some(0), Some(0)]);
    both_ways(of([Some(0), None, Some(2), Some(3)]), fresh, "00000000 30 00000002 00000003");
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/queue")]
struct QueueElement {
    b: bool,
    u8: u8,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/tailq")]
struct Queue {
    i16: i16,
    #[vmstate(list(max = 8))]
    q: VecDeque<QueueElement>,
    i32: i32,
}

#[test]
fn qtailq() {
    let elements = [QueueElement { b: true, u8: 130 }, QueueElement { b: false, u8: 65 }];
    let device = Queue { i16: -512, q: elements.into(), i32: 70000 };
    both_ways(device, Queue::default, "fe00 01 01 82 01 00 41 00 00011170");
}

#[derive(VmState, Default, Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
#[vmstate(name = "interval")]
struct Interval {
    low: u64,
    high: u64,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "mapping")]
struct Mapping {
    phys_addr: u64,
    flags: u32,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "domain")]
struct Domain {
    id: i32,
    #[vmstate(tree(max = 16))]
    mappings: BTreeMap<Interval, Mapping>,
}

fn domain_6() -> Domain {
    let mappings = [
        (Interval { low: 0x1000, high: 0x1fff }, Mapping { phys_addr: 0xa000, flags: 1 }),
        (Interval { low: 0x4000, high: 0x4fff }, Mapping { phys_addr: 0xe0000, flags: 2 }),
    ];
    Domain { id: 6, mappings: mappings.into() }
}

const DOMAIN_6: &str = "00000006 00000002 01 0000000000001000 0000000000001fff 000000000000a000 00000001
    01 0000000000004000 0000000000004fff 00000000000e0000 00000002 00";

#[test]
fn gtree_of_structs() {
    both_ways(domain_6(), Domain::default, DOMAIN_6);
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "iommu")]
struct Iommu {
    id: i32,
    #[vmstate(tree(direct, max = 16))]
    domains: BTreeMap<u64, Domain>,
}

#[test]
fn gtree_with_direct_keys() {
    let mapping = (Interval { low: 0x0100_0000, high: 0x01ff_ffff }, Mapping { phys_addr: 0x0f00_0000, flags: 3 });
    let domain_5 = Domain { id: 5, mappings: [mapping].into() };
    let wire = format!(
        "00000007 00000002 01 0000000000000005 00000005 00000001 01 0000000001000000 0000000001ffffff
         000000000f000000 00000003 00 01 0000000000000006 {DOMAIN_6} 00"
    );
    both_ways(Iommu { id: 7, domains: [(5, domain_5), (6, domain_6())].into() }, Iommu::default, &wire);
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test_qlist_element")]
struct ListElement {
    id: u32,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "container")]
struct Container {
    id: u32,
    #[vmstate(list(qlist, max = 8))]
    list: Vec<ListElement>,
}

#[test]
fn qlist() {
    let list = [0x0a, 0xb00, 0xc_0000, 0xd00_0000].map(|id| ListElement { id });
    let wire = "00000001 01 0000000a 01 00000b00 01 000c0000 01 0d000000 00";
    both_ways(Container { id: 1, list: list.into() }, Container::default, wire);
    assert_eq!(Container::DESCRIPTION.fields[1].form.kind, {
        vmstate::description::Kind::List("qlist", ListElement::DESCRIPTION)
    });
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/tmp")]
struct WithTemporary {
    a: i32,
    d: i64,
    #[vmstate(tmp = Difference)]
    b: i32,
    #[vmstate(skip = "the temporary has it")]
    f: i64,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/tmp_child")]
struct Difference {
    diff: i64,
    f: i64,
}

impl Temporary<WithTemporary> for Difference {
    fn of(parent: &WithTemporary) -> Self {
        Self { diff: i64::from(parent.b) - i64::from(parent.a), f: parent.f }
    }

    fn apply(self, parent: &mut WithTemporary) -> Result<(), LoadError> {
        let b = i64::from(parent.a).checked_add(self.diff).and_then(|b| i32::try_from(b).ok());
        parent.b = b.ok_or_else(|| LoadError::malformed("a difference that gives 32 bits", self.diff))?;
        parent.f = self.f;
        Ok(())
    }
}

#[test]
fn tmp_struct() {
    let wire = "00000002 0000000000000001 0000000000000002 0000000000000008";
    both_ways(WithTemporary { a: 2, b: 4, d: 1, f: 8 }, WithTemporary::default, wire);
}
