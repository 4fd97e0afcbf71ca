//! Composed forms, and values of functions.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use proptest::prelude::*;
use vmstate::info::array::{Boxed, Each};
use vmstate::info::{As, Ends, Map, Maybe, Pair, Sequence, Text};
use vmstate::prelude::*;

use super::Peer;
use super::mixed::{Part, part};

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "composed", version = 2)]
pub(super) struct Composed {
    #[vmstate(with = Sequence<3, Sequence<3>>)]
    banks: Vec<Vec<u8>>,
    #[vmstate(with = Sequence<3, Maybe>)]
    parts: Vec<Option<Part>>,
    #[vmstate(with = Map<3, Text<4>, As<u16>>)]
    sizes: HashMap<String, usize>,
    #[vmstate(with = Map<3>)]
    levels: BTreeMap<u8, (u8, bool)>,
    #[vmstate(with = Sequence<3, Pair<Ends<As<u32>>, Maybe<Text<4>>>>)]
    windows: Vec<(Range<usize>, Option<String>)>,
    #[vmstate(with = Boxed<Each<As<u8>>>)]
    lines: Box<[bool; 3]>,
    #[vmstate(skip = "memory that a function saves")]
    memory: Vec<u8>,
    #[vmstate(through(Vec<u8>, get = Self::even, set = Self::set_even), with = Sequence<4>)]
    even: (),
    #[vmstate(through(Part, get = |state| state.part.clone(), set = |state, part| state.part = part), since = 2)]
    part: Part,
}

impl Composed {
    fn even(&self) -> Vec<u8> {
        self.memory.clone()
    }

    fn set_even(&mut self, memory: Vec<u8>) -> Result<(), &'static str> {
        if !memory.len().is_multiple_of(2) {
            return Err("an odd number of bytes");
        }
        self.memory = memory;
        Ok(())
    }
}

impl Peer for Composed {}

prop_compose! {
    pub(super) fn states()(
        banks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=3), 0..=3),
        parts in prop::collection::vec(prop::option::of(part()), 0..=3),
        sizes in prop::collection::hash_map("[a-z]{0,4}", 0..=0xffff_usize, 0..=3),
        levels in prop::collection::btree_map(any::<u8>(), any::<(u8, bool)>(), 0..=3),
        windows in prop::collection::vec(
            ((0..=0xffff_ffff_usize, 0..=0xffff_ffff_usize), prop::option::of("[a-z]{0,4}")),
            0..=3,
        ),
        lines in any::<[bool; 3]>(),
        memory in prop::collection::vec(any::<[u8; 2]>(), 0..=2),
        part in part(),
    ) -> Composed {
        let windows = windows.into_iter().map(|((start, end), name)| (start..end, name)).collect();
        let memory = memory.concat();
        Composed { banks, parts, sizes, levels, windows, lines: Box::new(lines), memory, even: (), part }
    }
}
