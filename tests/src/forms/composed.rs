//! Composed forms of the standard library's collections.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ops::{Range, RangeInclusive};

use vmstate::info::array::{Boxed, Each};
use vmstate::info::{As, Collection, Ends, Map, Maybe, Pair, Sequence, Text};
use vmstate::laws::Choices;
use vmstate::prelude::*;

use super::{MAX, forms, letters, some, word};

/// A struct as an item.
#[derive(VmState, Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[vmstate(name = "event")]
struct Event {
    at: u32,
}

/// A collection of another crate.
#[derive(Debug, Default)]
struct Stack(Vec<u16>);

impl Collection for Stack {
    type Item = u16;

    fn length(&self) -> usize {
        self.0.len()
    }

    fn save_each<E>(&mut self, save: impl FnMut(&mut u16) -> Result<(), E>) -> Result<(), E> {
        self.0.iter_mut().try_for_each(save)
    }

    fn share_each<E>(&self, save: impl FnMut(&u16) -> Result<(), E>) -> Result<(), E> {
        self.0.iter().try_for_each(save)
    }

    fn load_each(
        &mut self,
        count: usize,
        mut load: impl FnMut(&mut u16) -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        self.0.clear();
        for _ in 0..count {
            let mut entry = 0;
            load(&mut entry)?;
            self.0.push(entry);
        }
        Ok(())
    }
}

fn event(choices: &mut Choices) -> Event {
    Event { at: word(choices).into() }
}

fn size(choices: &mut Choices) -> usize {
    choices.byte().into()
}

forms! {
    sequence: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] Vec<u64>,
        |choices| some(choices, Choices::next),
        vec![1, 2] => [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2],
        counts [[]];
    sequence_of_structs: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] Vec<Event>,
        |choices| some(choices, event),
        vec![Event { at: 1 }] => [0, 0, 0, 1, 0, 0, 0, 1],
        counts [[]];
    sequence_of_sequences: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX, Sequence<MAX>>)] Vec<Vec<u8>>,
        |choices| some(choices, |choices| some(choices, Choices::byte)),
        vec![vec![1, 2], vec![]] => [0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0],
        counts [[], [0, 0, 0, 1]] times 6;
    sequence_of_options: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX, Maybe>)] Vec<Option<u8>>,
        |choices| some(choices, |choices| choices.flip().then(|| choices.byte())),
        vec![None, Some(5)] => [0, 0, 0, 2, 0, 1, 5],
        counts [[]] times 2;
    sequence_of_arrays: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX, Each<Maybe>>)] Vec<[Option<u8>; 2]>,
        |choices| some(choices, |choices| [choices.flip().then_some(1), None]),
        vec![[Some(6), None]] => [0, 0, 0, 1, 1, 6, 0],
        counts [[]] times 2;
    deque: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] VecDeque<u64>,
        |choices| some(choices, Choices::next).into(),
        VecDeque::from([3]) => [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3],
        counts [[]];
    boxed_slice: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] Box<[u64]>,
        |choices| some(choices, Choices::next).into(),
        Box::new([3]) => [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3],
        counts [[]];
    linked_list: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] LinkedList<[u64; 2]>,
        |choices| some(choices, |choices| [choices.next(), 1]).into_iter().collect(),
        LinkedList::from([[3, 4]]) => [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4],
        counts [[]];
    ordered_set: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] BTreeSet<u64>,
        |choices| some(choices, Choices::next).into_iter().collect(),
        BTreeSet::from([7, 6]) => [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 7],
        counts [[]];
    hashed_set: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] HashSet<u64>,
        |choices| some(choices, Choices::next).into_iter().collect(),
        HashSet::from([9, 8]) => [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9],
        counts [[]] times 2;
    heap: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] BinaryHeap<u64>,
        |choices| some(choices, Choices::next).into(),
        [2, 1].into() => [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2],
        counts [[]];
    collection: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] Stack,
        |choices| Stack(some(choices, word)),
        Stack(vec![5]) => [0, 0, 0, 1, 0, 5],
        counts [[]];
    ordered_map: "composed" "Map",
        [] #[vmstate(with = Map<MAX>)] BTreeMap<u64, u64>,
        |choices| some(choices, |choices| (choices.next(), 1)).into_iter().collect(),
        BTreeMap::from([(2, 3), (1, 4)]) => [
            0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4,
            0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3,
        ],
        counts [[]];
    hashed_map: "composed" "Map",
        [] #[vmstate(with = Map<MAX, Text<MAX>, Sequence<MAX>>)] HashMap<String, Vec<u8>>,
        |choices| some(choices, |choices| (letters(choices), some(choices, Choices::byte))).into_iter().collect(),
        HashMap::from([("b".to_owned(), vec![]), ("a".to_owned(), vec![5])]) => [
            0, 0, 0, 2, 0, 0, 0, 1, b'a', 0, 0, 0, 1, 5, 0, 0, 0, 1, b'b', 0, 0, 0, 0,
        ],
        counts [[0, 0, 0, 1], [0, 0, 0, 1, 0, 0, 0, 1, b'a']];
    map_of_structs: "composed" "Map",
        [] #[vmstate(with = Map<MAX>)] BTreeMap<Event, Event>,
        |choices| some(choices, |choices| (event(choices), event(choices))).into_iter().collect(),
        BTreeMap::from([(Event { at: 1 }, Event { at: 2 })]) => [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2],
        counts [[]];
    maybe: "composed" "Maybe",
        [] #[vmstate(with = Maybe)] Option<u16>,
        |choices| choices.flip().then(|| word(choices)),
        Some(5) => [1, 0, 5],
        counts [];
    maybe_nothing: "composed" "Maybe",
        [] #[vmstate(with = Maybe)] Option<Event>,
        |choices| choices.flip().then(|| event(choices)),
        None => [0],
        counts [];
    maybe_sequence: "composed" "Maybe",
        [] #[vmstate(with = Maybe<Sequence<MAX>>)] Option<Vec<u64>>,
        |choices| choices.flip().then(|| some(choices, Choices::next)),
        Some(vec![]) => [1, 0, 0, 0, 0],
        counts [[1]];
    pair: "composed" "Pair",
        [] #[vmstate(with = Pair<Text<MAX>, Maybe>)] (String, Option<u8>),
        |choices| (letters(choices), choices.flip().then(|| choices.byte())),
        ("a".to_owned(), Some(1)) => [0, 0, 0, 1, b'a', 1, 1],
        counts [[]];
    number: "composed" "As",
        [] #[vmstate(with = As<u32>)] usize,
        size,
        5 => [0, 0, 0, 5],
        counts [];
    numbers: "composed" "As",
        [] #[vmstate(with = Sequence<MAX, Pair<As<u8>, As<i16>>>)] Vec<(usize, isize)>,
        |choices| some(choices, |choices| (size(choices), -1)),
        vec![(1, -2)] => [0, 0, 0, 1, 1, 255, 254],
        counts [[]] times 6;
    wide_number: "composed" "As",
        [] #[vmstate(with = As<u16>)] u128,
        |choices| word(choices).into(),
        0x0102 => [1, 2],
        counts [];
    wide_numbers: "composed" "As",
        [] #[vmstate(with = Each<As<i8>>)] [i128; 2],
        |choices| [choices.byte().cast_signed().into(), 1],
        [-1, 2] => [255, 2],
        counts [];
    each: "composed" "As",
        [] #[vmstate(with = Each<Each<As<u8>>>)] [[bool; 2]; 2],
        |choices| [[choices.flip(), false], [false, true]],
        [[true, false], [false, true]] => [1, 0, 0, 1],
        counts [];
    ends: "composed" "Ends",
        [] #[vmstate(with = Ends<As<u16>>)] Range<usize>,
        |choices| size(choices)..size(choices),
        1..0x0203 => [0, 1, 2, 3],
        counts [];
    inclusive_ends: "composed" "Ends",
        [] #[vmstate(with = Ends)] RangeInclusive<u8>,
        |choices| 0..=choices.byte(),
        3..=4 => [3, 4],
        counts [];
    named_ends: "composed" "Ends",
        [] #[vmstate(with = Ends<Text<MAX>>)] Range<String>,
        |choices| letters(choices)..letters(choices),
        "a".to_owned().."b".to_owned() => [0, 0, 0, 1, b'a', 0, 0, 0, 1, b'b'],
        counts [[], [0, 0, 0, 0]];
    boxed: "composed" "Boxed",
        [] #[vmstate(with = Boxed<Each<As<u8>>>)] Box<[usize; 2]>,
        |choices| Box::new([size(choices), size(choices)]),
        Box::new([9, 10]) => [9, 10],
        counts [];
    maybe_boxed: "composed" "Boxed",
        [] #[vmstate(with = Maybe<Boxed<Pair<As<u8>, Text<MAX>>>>)] Option<Box<(usize, String)>>,
        |choices| choices.flip().then(|| Box::new((size(choices), letters(choices)))),
        Some(Box::new((9, "a".to_owned()))) => [1, 9, 0, 0, 0, 1, b'a'],
        counts [[1, 0]];
}
