//! Values that depend on a number on the wire: options and enums with fields.

use proptest::prelude::*;
use vmstate::prelude::*;

use super::Peer;
use super::mixed::{Part, part};

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "choices", version = 2)]
pub(super) struct Choices {
    #[vmstate(option)]
    number: Option<u16>,
    #[vmstate(option)]
    part: Option<Part>,
    #[vmstate(option(always))]
    always: Option<[u8; 2]>,
    #[vmstate(option, wire = u32)]
    size: Option<usize>,
    #[vmstate(option, timer)]
    deadline: Option<Option<u64>>,
    count: u8,
    #[vmstate(option, len = count, max = 4)]
    items: Option<Vec<u16>>,
    mapper: Mapper,
    mappers: [Mapper; 2],
    slot: Slot,
    #[vmstate(versioned(was(..=1 => 1)))]
    old: Mapper,
    #[vmstate(since = 2, option)]
    added: Option<u8>,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "mapper", version = 2, repr = u8)]
enum Mapper {
    #[default]
    Nrom,
    Mmc1 {
        count: u8,
        #[vmstate(len = count, max = 8)]
        writes: Vec<u16>,
        #[vmstate(since = 2)]
        shift: u8,
    },
    Mmc3(Part, #[vmstate(option)] Option<u32>),
    Custom {
        level: bool,
        #[vmstate(skip = "set by the user", reset = 5)]
        volume: u8,
        #[vmstate(count("prefix": u8), max = 3)]
        prefixed: Vec<u8>,
    },
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(repr = u16, variant(fixed), versions = parent)]
enum Slot {
    #[default]
    Empty,
    Full(u8, #[vmstate(since = 2)] u8),
}

impl Peer for Choices {
    /// Has the same variant where it is fixed.
    fn peer(&self) -> Self {
        let slot = match self.slot {
            Slot::Empty => Slot::Empty,
            Slot::Full(..) => Slot::Full(0, 0),
        };
        Self { slot, ..Self::default() }
    }
}

fn mapper() -> impl Strategy<Value = Mapper> {
    prop_oneof![
        Just(Mapper::Nrom),
        (any::<u8>(), prop::collection::vec(any::<u16>(), 0..8)).prop_map(|(shift, writes)| Mapper::Mmc1 {
            count: u8::try_from(writes.len()).unwrap(),
            writes,
            shift,
        }),
        (part(), any::<Option<u32>>()).prop_map(|(part, more)| Mapper::Mmc3(part, more)),
        (any::<bool>(), prop::collection::vec(any::<u8>(), 0..3)).prop_map(|(level, prefixed)| Mapper::Custom {
            level,
            volume: 5,
            prefixed
        }),
    ]
}

prop_compose! {
    pub(super) fn states()(
        (number, always, added) in any::<(Option<u16>, Option<[u8; 2]>, Option<u8>)>(),
        part in prop::option::of(part()),
        size in prop::option::of(0..=0xffff_ffff_usize),
        deadline in prop::option::of(prop::option::of(0..=i64::MAX as u64)),
        items in prop::option::of(prop::collection::vec(any::<u16>(), 0..=4)),
        (mapper, old) in (mapper(), mapper()),
        mappers in [mapper(), mapper()],
        slot in prop_oneof![Just(Slot::Empty), any::<[u8; 2]>().prop_map(|[old, new]| Slot::Full(old, new))],
    ) -> Choices {
        let count = items.as_ref().map_or(0, |items| u8::try_from(items.len()).unwrap());
        Choices { number, part, always, size, deadline, count, items, mapper, mappers, slot, old, added }
    }
}
