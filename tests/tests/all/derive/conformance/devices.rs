//! The structs of QEMU's own test, under its names.

use std::collections::{BTreeMap, VecDeque};

use vmstate::Temporary;
use vmstate::prelude::*;

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "simple/primitive")]
pub(super) struct Primitive {
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

pub(super) fn primitive() -> Primitive {
    Primitive {
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
    }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "simple/array")]
pub(super) struct Array {
    pub(super) u16_1: [u16; 3],
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "test/versioned", version = 2)]
pub(super) struct Versioned {
    pub(super) a: u32,
    #[vmstate(since = 2)]
    pub(super) b: u32,
    pub(super) c: u32,
    pub(super) d: u64,
    #[vmstate(since = 2)]
    pub(super) e: u32,
    #[vmstate(since = 2)]
    pub(super) f: u64,
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "test/skip", version = 2)]
pub(super) struct Skipping {
    #[vmstate(skip = "read by the predicate")]
    pub(super) skip_c_e: bool,
    pub(super) a: u32,
    #[vmstate(since = 2)]
    pub(super) b: u32,
    #[vmstate(when = Self::test_skip)]
    pub(super) c: u32,
    pub(super) d: u64,
    #[vmstate(when = Self::test_skip)]
    pub(super) e: u32,
    #[vmstate(since = 2)]
    pub(super) f: u64,
}

impl Skipping {
    fn test_skip(&self) -> bool {
        !self.skip_c_e
    }
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/simple")]
pub(super) struct Simple {
    i: i32,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/array/ptr/str")]
pub(super) struct Structs {
    #[vmstate(pointer)]
    ar: [Option<Box<Simple>>; 4],
}

pub(super) fn structs(values: [Option<i32>; 4]) -> Structs {
    Structs { ar: values.map(|value| value.map(|i| Box::new(Simple { i }))) }
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/array/ptr/prim")]
pub(super) struct Numbers {
    #[vmstate(pointer)]
    ar: [Option<Box<i32>>; 4],
}

pub(super) fn numbers(values: [Option<i32>; 4]) -> Numbers {
    Numbers { ar: values.map(|value| value.map(Box::new)) }
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/queue")]
pub(super) struct QueueElement {
    b: bool,
    u8: u8,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/tailq")]
pub(super) struct Queue {
    i16: i16,
    #[vmstate(list(max = 8))]
    q: VecDeque<QueueElement>,
    i32: i32,
}

pub(super) fn queue() -> Queue {
    let elements = [QueueElement { b: true, u8: 130 }, QueueElement { b: false, u8: 65 }];
    Queue { i16: -512, q: elements.into(), i32: 70000 }
}

#[derive(VmState, Default, Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
#[vmstate(name = "interval")]
pub(super) struct Interval {
    low: u64,
    high: u64,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "mapping")]
pub(super) struct Mapping {
    phys_addr: u64,
    flags: u32,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "domain")]
pub(super) struct Domain {
    id: i32,
    #[vmstate(tree(max = 16))]
    mappings: BTreeMap<Interval, Mapping>,
}

pub(super) fn domain_6() -> Domain {
    let mappings = [
        (Interval { low: 0x1000, high: 0x1fff }, Mapping { phys_addr: 0xa000, flags: 1 }),
        (Interval { low: 0x4000, high: 0x4fff }, Mapping { phys_addr: 0xe0000, flags: 2 }),
    ];
    Domain { id: 6, mappings: mappings.into() }
}

/// QEMU's has its trees made in `pre_load`; these need no making.
#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "iommu")]
pub(super) struct Iommu {
    id: i32,
    #[vmstate(tree(direct, max = 16))]
    domains: BTreeMap<u64, Domain>,
}

pub(super) fn iommu() -> Iommu {
    let mapping = (Interval { low: 0x0100_0000, high: 0x01ff_ffff }, Mapping { phys_addr: 0x0f00_0000, flags: 3 });
    let domain_5 = Domain { id: 5, mappings: [mapping].into() };
    Iommu { id: 7, domains: [(5, domain_5), (6, domain_6())].into() }
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test_qlist_element")]
pub(super) struct ListElement {
    id: u32,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "container")]
pub(super) struct Container {
    id: u32,
    #[vmstate(list(qlist, max = 8))]
    list: Vec<ListElement>,
}

pub(super) fn container() -> Container {
    Container { id: 1, list: [0x0a, 0xb00, 0xc_0000, 0xd00_0000].map(|id| ListElement { id }).into() }
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/tmp")]
pub(super) struct WithTemporary {
    pub(super) a: i32,
    pub(super) d: i64,
    #[vmstate(tmp = Difference)]
    pub(super) b: i32,
    #[vmstate(skip = "the temporary has it")]
    pub(super) f: i64,
}

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "test/tmp_child")]
pub(super) struct Difference {
    diff: i64,
    f: i64,
}

impl Temporary<WithTemporary> for Difference {
    fn from_parent(parent: &WithTemporary) -> Self {
        Self { diff: i64::from(parent.b) - i64::from(parent.a), f: parent.f }
    }

    fn apply(self, parent: &mut WithTemporary) -> Result<(), LoadError> {
        let b = i64::from(parent.a).checked_add(self.diff).and_then(|b| i32::try_from(b).ok());
        parent.b = b.ok_or_else(|| LoadError::malformed("a difference that gives 32 bits", self.diff))?;
        parent.f = self.f;
        Ok(())
    }
}
