//! The cases of QEMU's unit test of its engine (`tests/unit/test-vmstate.c`) with pointers, lists, trees and temporaries.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use vmstate::prelude::*;

use super::{any_bytes, check_any_bytes, hex, load, save};

/// Saving `device` gives `wire`, and loading that into `fresh` gives `device` again; each shorter stream is refused.
fn both_ways<T: VmState + PartialEq + Debug>(mut device: T, fresh: impl Fn() -> T, wire: &str) {
    let wire = hex(wire);
    assert_eq!(save(&mut device), wire);
    let mut loaded = fresh();
    load(&mut loaded, &wire, T::DESCRIPTION.version).unwrap();
    assert_eq!(loaded, device);
    for length in 0..wire.len() {
        let error = load(&mut fresh(), &wire[..length], T::DESCRIPTION.version).unwrap_err();
        assert!(error.is_truncated(), "{length}: {error}");
    }
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

proptest::proptest! {
    #[test]
    fn any_bytes_are_refused_or_a_state(bytes in any_bytes()) {
        check_any_bytes(|| Pointers::of([Some(0), None, Some(0), None]), &bytes);
        check_any_bytes(Queue::default, &bytes);
        check_any_bytes(Domain::default, &bytes);
        check_any_bytes(Iommu::default, &bytes);
        check_any_bytes(Container::default, &bytes);
        check_any_bytes(WithTemporary::default, &bytes);
    }
}
