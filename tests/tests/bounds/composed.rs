//! The memory of a load of composed forms, options, variants and values of functions whose counts are forged.

use std::collections::{BTreeMap, LinkedList, VecDeque};

use smallvec::SmallVec;
use vmstate::info::{Ends, Map, Maybe, Pair, Sequence, Text};
use vmstate::machine::LoadOptions;
use vmstate::prelude::*;
use vmstate::stream::SectionHeader;

use super::{FIXED, header, load};

const MAX: usize = 0x4000_0000;
/// A count below the limit that no stream of this test contains.
const MANY: [u8; 4] = [0x3f, 0xff, 0xff, 0xff];

/// Defines a device for each form.
macro_rules! devices {
    ($($(#[$attribute:meta])* $name:ident($ty:ty))*) => {$(
        #[derive(VmState, Default)]
        #[vmstate(name = "dev")]
        struct $name {
            $(#[$attribute])*
            value: $ty,
        }
    )*};
}

devices! {
    #[vmstate(with = Sequence<MAX>)] Words(Vec<u64>)
    #[vmstate(with = Sequence<MAX>)] Deque(VecDeque<u64>)
    #[vmstate(with = Sequence<MAX>)] Boxed(Box<[u64]>)
    #[vmstate(with = Sequence<MAX>)] Linked(LinkedList<[u64; 2]>)
    #[vmstate(with = Sequence<MAX>)] Small(SmallVec<[u64; 4]>)
    #[vmstate(with = Sequence<MAX, Sequence<MAX>>)] Nested(Vec<Vec<u8>>)
    #[vmstate(with = Sequence<MAX, Pair>)] Pairs(Vec<(u64, u64)>)
    #[vmstate(with = Maybe<Sequence<MAX>>)] Optional(Option<Vec<u64>>)
    #[vmstate(with = Map<MAX, Text<MAX>>)] Names(BTreeMap<String, u64>)
    #[vmstate(with = Text<MAX>)] Name(String)
    #[vmstate(with = Pair<Ends, Text<MAX>>)] Named((std::ops::Range<u8>, String))
    #[vmstate(count("count": u32), max = MAX)] Counted(Vec<u64>)
    #[vmstate(option, with = Sequence<MAX>)] InPlace(Option<Vec<u64>>)
    Variant(Tagged)
    #[vmstate(through(Vec<u64>, get = |dev| dev.value.clone(), set = |dev, words| dev.value = words), with = Sequence<MAX>)] Through(Vec<u64>)
}

#[derive(VmState, Default)]
#[vmstate(repr = u8)]
enum Tagged {
    #[default]
    Empty,
    Full {
        #[vmstate(with = Sequence<MAX>)]
        words: Vec<u64>,
    },
}

/// Loads streams of several lengths in which `prefix` and a forged count precede values.
fn check<D: VmState + Default + Send>(form: &str, prefix: &[u8]) {
    let mut start = Writer::new();
    header(&mut start).begin_section(&SectionHeader::full(1, "dev", 0, 1));
    start.bytes(prefix);
    start.bytes(&MANY);
    for length in [200, 3_000, 70_000, 1 << 20, 9 << 20] {
        let mut machine = Machine::new();
        machine.register("dev", D::default()).unwrap();
        let error = load(&mut machine, LoadOptions::new(), start.pending(), &|_| b'a', length, FIXED).unwrap_err();
        assert!(error.contains("the end of the stream"), "{form}, {length} bytes: {error}");
    }
}

#[test]
fn forged_counts_of_composed_forms_allocate_nothing() {
    check::<Words>("Sequence", &[]);
    check::<Deque>("VecDeque", &[]);
    check::<Boxed>("Box", &[]);
    check::<Linked>("LinkedList", &[]);
    check::<Small>("SmallVec", &[]);
    check::<Nested>("nested Sequence", &MANY);
    check::<Pairs>("Pair", &[]);
    check::<Optional>("Maybe", &[1]);
    check::<Names>("Map", &MANY);
    check::<Name>("Text", &[]);
    check::<Named>("Ends", &[1, 2]);
    check::<Counted>("count", &[]);
    check::<InPlace>("option", &[1]);
    check::<Variant>("variant", &[1]);
    check::<Through>("through", &[]);
}
