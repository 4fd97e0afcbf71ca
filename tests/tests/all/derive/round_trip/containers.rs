//! Lists, trees, pointers, temporaries.

use std::collections::{BTreeMap, LinkedList, VecDeque};

use proptest::prelude::*;
use vmstate::Temporary;
use vmstate::prelude::*;

use super::Peer;
use super::mixed::{Part, part};

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "containers")]
pub(super) struct Containers {
    count: u32,
    #[vmstate(list(max = 3))]
    vec: Vec<Part>,
    #[vmstate(list(qlist, max = 3))]
    deque: VecDeque<Part>,
    #[vmstate(list(max = 3, version = 1))]
    linked: LinkedList<Part>,
    #[vmstate(tree(max = 3))]
    tree: BTreeMap<Key, Part>,
    #[vmstate(tree(direct, max = 3))]
    direct: BTreeMap<u16, Part>,
    #[vmstate(pointer)]
    known: [Option<Box<Part>>; 3],
    #[vmstate(pointer, len = count, max = 4)]
    counted: Vec<Option<Box<u16>>>,
    #[vmstate(pointer(alloc))]
    made: [Option<Box<Part>>; 3],
    #[vmstate(pointer(alloc), len = count, max = 4)]
    counted_and_made: Vec<Option<Box<u8>>>,
    #[vmstate(tmp = Halves)]
    total: u16,
}

#[derive(VmState, Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
#[vmstate(name = "key")]
struct Key {
    low: u64,
    high: u16,
}

/// The two bytes of `total`.
#[derive(VmState, Default)]
#[vmstate(name = "halves")]
struct Halves {
    low: u8,
    high: u8,
}

impl Temporary<Containers> for Halves {
    fn from_parent(parent: &Containers) -> Self {
        let [high, low] = parent.total.to_be_bytes();
        Self { low, high }
    }

    fn apply(self, parent: &mut Containers) -> Result<(), LoadError> {
        parent.total = u16::from_be_bytes([self.high, self.low]);
        Ok(())
    }
}

/// Returns pointers that are null like those in `slots`, to default values.
fn same<T: Default>(slots: &[Option<Box<T>>]) -> impl Iterator<Item = Option<Box<T>>> {
    slots.iter().map(|slot| slot.as_ref().map(|_| Box::default()))
}

impl Peer for Containers {
    fn peer(&self) -> Self {
        let mut known = same(&self.known);
        let known = std::array::from_fn(|_| known.next().flatten());
        let counted_and_made = self.counted_and_made.iter().map(|_| None).collect();
        Self { count: self.count, known, counted: same(&self.counted).collect(), counted_and_made, ..Self::default() }
    }
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    prop::collection::vec(part(), 0..=3)
}

fn slots() -> impl Strategy<Value = [Option<Box<Part>>; 3]> {
    let slot = || prop::option::of(part().prop_map(Box::new));
    [slot(), slot(), slot()]
}

prop_compose! {
    pub(super) fn states()(
        (vec, deque, linked) in (parts(), parts(), parts()),
        tree in prop::collection::btree_map(any::<(u64, u16)>(), part(), 0..=3),
        direct in prop::collection::btree_map(any::<u16>(), part(), 0..=3),
        (known, made) in (slots(), slots()),
        values in prop::collection::vec(any::<(Option<u16>, Option<u8>)>(), 0..=4),
        total: u16,
    ) -> Containers {
        let (counted, counted_and_made) =
            values.iter().map(|(one, other)| (one.map(Box::new), other.map(Box::new))).unzip();
        Containers {
            count: u32::try_from(values.len()).unwrap(),
            vec, known, counted, made, counted_and_made, direct, total,
            deque: deque.into(),
            linked: linked.into_iter().collect(),
            tree: tree.into_iter().map(|((low, high), value)| (Key { low, high }, value)).collect(),
        }
    }
}
