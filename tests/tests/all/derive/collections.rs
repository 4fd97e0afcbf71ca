//! Composed forms: nested and foreign collections, maps and optional items. The bytes are written by hand.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Debug;

use proptest::prelude::*;
use vmstate::Info;
use vmstate::dynamic::DecodedSection;
use vmstate::info::array::Each;
use vmstate::info::{Map, Maybe, Pair, Sequence, Text};
use vmstate::laws::Laws;
use vmstate::prelude::*;
use vmstate::schema::vmdesc::Document;
use vmstate::schema::{DescriptionWriter, Release};

use super::{any_bytes, check_any_bytes, check_truncation, described, loaded, refused, save};

#[derive(VmState, Default, Debug, PartialEq, Eq, Clone, PartialOrd, Ord, Hash)]
#[vmstate(name = "event")]
struct Event {
    at: u16,
    #[vmstate(skip = "a cache")]
    seen: bool,
}

#[derive(VmState, Default, Debug, PartialEq, Clone)]
#[vmstate(name = "nested")]
struct Nested {
    #[vmstate(with = Sequence<2, Sequence<3>>)]
    banks: Vec<Vec<u8>>,
    #[vmstate(with = Sequence<4>)]
    pairs: Vec<(u8, u16)>,
    #[vmstate(with = Sequence<4, Maybe>)]
    options: Vec<Option<u8>>,
    #[vmstate(with = Sequence<4, Each<Maybe>>)]
    arrays: VecDeque<[Option<u8>; 2]>,
    #[vmstate(with = Sequence<4, Pair<Text<4>, Maybe<Sequence<2>>>>)]
    deep: Box<[(String, Option<Vec<bool>>)]>,
    #[vmstate(with = Sequence<4>)]
    words: Vec<[u16; 2]>,
}

fn nested() -> Nested {
    Nested {
        banks: vec![vec![1, 2], vec![]],
        pairs: vec![(3, 4)],
        options: vec![None, Some(5)],
        arrays: VecDeque::from([[Some(6), None]]),
        deep: Box::new([("a".to_owned(), Some(vec![true]))]),
        words: vec![[7, 8], [9, 10]],
    }
}

const NESTED: &[&[u8]] = &[
    &[0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0],
    &[0, 0, 0, 1, 3, 0, 4],
    &[0, 0, 0, 2, 0, 1, 5],
    &[0, 0, 0, 1, 1, 6, 0],
    &[0, 0, 0, 1, 0, 0, 0, 1, b'a', 1, 0, 0, 0, 1, 1],
    &[0, 0, 0, 2, 0, 7, 0, 8, 0, 9, 0, 10],
];

#[test]
fn nested_collections_have_hand_written_bytes() {
    let bytes = NESTED.concat();
    assert_eq!(save(&mut nested()), bytes);
    assert_eq!(loaded(Nested::default(), &bytes), nested());
    let mut other = nested();
    other.banks = vec![vec![9; 3]; 2];
    other.options = vec![Some(1); 4];
    assert_eq!(loaded(other, &bytes), nested(), "earlier items are replaced");
    check_truncation::<Nested>(&bytes, 1);
}

#[derive(VmState, Default, Debug, PartialEq, Clone)]
#[vmstate(name = "numbers")]
struct Numbers {
    #[vmstate(with = Sequence<4>)]
    vec: Vec<u16>,
    #[vmstate(with = Sequence<4>)]
    deque: VecDeque<u16>,
    #[vmstate(with = Sequence<4>)]
    boxed: Box<[u16]>,
}

#[test]
fn surplus_numbers_are_dropped() {
    let of = |count| {
        let vec = vec![7; count];
        Numbers { deque: vec.clone().into(), boxed: vec.clone().into(), vec }
    };
    for count in 0..=4 {
        let bytes = save(&mut of(count));
        assert_eq!(loaded(of(3), &bytes), of(count));
    }
}

#[test]
fn none_before_some_keeps_its_place() {
    let mut state = Nested { options: vec![None, Some(5)], ..Nested::default() };
    assert_eq!(loaded(Nested::default(), &save(&mut state)).options, [None, Some(5)]);
}

#[derive(VmState, Default, Debug, PartialEq, Clone)]
#[vmstate(name = "keyed")]
struct Keyed {
    #[vmstate(with = Map<4>)]
    ordered: BTreeMap<u16, u8>,
    #[vmstate(with = Map<8, Text<4>, Sequence<2>>)]
    hashed: HashMap<String, Vec<u8>>,
    #[vmstate(with = Sequence<4>)]
    set: BTreeSet<u8>,
    #[vmstate(with = Sequence<8>)]
    flags: HashSet<char>,
    #[vmstate(with = Sequence<4>)]
    list: LinkedList<Event>,
    #[vmstate(with = Map<2>)]
    structs: BTreeMap<u8, Event>,
}

fn keyed() -> Keyed {
    Keyed {
        ordered: BTreeMap::from([(2, 3), (1, 4)]),
        hashed: HashMap::from([("b".to_owned(), vec![]), ("a".to_owned(), vec![5])]),
        set: BTreeSet::from([7, 6]),
        flags: HashSet::from(['z', 'y']),
        list: LinkedList::from([Event { at: 8, seen: false }]),
        structs: BTreeMap::from([(9, Event { at: 10, seen: false })]),
    }
}

const KEYED: &[&[u8]] = &[
    &[0, 0, 0, 2, 0, 1, 4, 0, 2, 3],
    &[0, 0, 0, 2, 0, 0, 0, 1, b'a', 0, 0, 0, 1, 5, 0, 0, 0, 1, b'b', 0, 0, 0, 0],
    &[0, 0, 0, 2, 6, 7],
    &[0, 0, 0, 2, 0, 0, 0, b'y', 0, 0, 0, b'z'],
    &[0, 0, 0, 1, 0, 8],
    &[0, 0, 0, 1, 9, 0, 10],
];

#[test]
fn maps_and_sets_are_sorted_by_key() {
    let bytes = KEYED.concat();
    assert_eq!(save(&mut keyed()), bytes);
    assert_eq!(loaded(Keyed::default(), &bytes), keyed());
    check_truncation::<Keyed>(&bytes, 1);
}

#[test]
fn equal_states_have_equal_bytes() {
    let mut forward = Keyed::default();
    let mut backward = Keyed::default();
    for letter in 'a'..='h' {
        forward.hashed.insert(letter.to_string(), vec![1]);
        forward.flags.insert(letter);
    }
    for letter in ('a'..='h').rev() {
        backward.hashed.insert(letter.to_string(), vec![1]);
        backward.flags.insert(letter);
    }
    assert_eq!(save(&mut forward), save(&mut backward));
}

#[test]
fn duplicate_keys_are_rejected() {
    let mut bytes = KEYED.concat();
    bytes[8] = 1;
    let error = refused(Keyed::default(), &bytes);
    assert_eq!(
        (error.path().as_str(), error.expected(), error.offset()),
        ("keyed.ordered.entries[1]", "unique items", Some(7))
    );
    let mut bytes = KEYED.concat();
    bytes[38] = 6;
    let error = refused(Keyed::default(), &bytes);
    assert_eq!((error.path().as_str(), error.found()), ("keyed.set.items", "a duplicate"));
}

#[test]
fn heaps_are_saved_in_order() {
    #[derive(VmState, Default, Debug)]
    #[vmstate(name = "queue")]
    struct Queue {
        #[vmstate(with = Sequence<4, Soonest>)]
        events: BinaryHeap<Reverse<u16>>,
        #[vmstate(with = Sequence<4>)]
        levels: BinaryHeap<u8>,
    }

    struct Soonest;

    impl Info<Reverse<u16>> for Soonest {
        const NAME: &'static str = "event";
        const SIZE: Option<usize> = Some(2);

        fn put(event: &Reverse<u16>, to: &mut Writer) -> Result<(), SaveError> {
            to.u16(event.0);
            Ok(())
        }

        fn get(event: &mut Reverse<u16>, from: &mut Reader<'_>) -> Result<(), LoadError> {
            event.0 = from.u16()?;
            Ok(())
        }
    }

    let mut queue = Queue { events: [3, 1, 2].map(Reverse).into(), levels: [5, 7, 6].into() };
    let bytes = [0, 0, 0, 3, 0, 3, 0, 2, 0, 1, 0, 0, 0, 3, 5, 6, 7];
    assert_eq!(save(&mut queue), bytes);
    assert_eq!(queue.events.pop(), Some(Reverse(1)), "saving changes nothing");
    let mut other = loaded(Queue::default(), &bytes);
    assert_eq!(other.events.pop(), Some(Reverse(1)));
    assert_eq!(other.levels.pop(), Some(7));
}

#[test]
fn more_items_than_the_limit_are_rejected() {
    let mut bytes = NESTED.concat();
    bytes[3] = 3;
    let error = refused(Nested::default(), &bytes);
    assert_eq!((error.path().as_str(), error.expected()), ("nested.banks.count", "at most 2 items"));
    let error = Nested { banks: vec![vec![0; 4]], ..Nested::default() }.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.path(), "nested.banks.items[0]");
    assert_eq!(error.reason(), "expected at most 3 elements (max = 3), found 4");
}

#[test]
fn items_keep_members_that_are_not_migrated() {
    #[derive(VmState, Default, Debug)]
    #[vmstate(name = "queue")]
    struct Queue {
        #[vmstate(with = Sequence<4>)]
        events: Vec<Event>,
        #[vmstate(with = Maybe)]
        next: Option<Event>,
    }

    let bytes = [0, 0, 0, 1, 0, 8, 1, 0, 9];
    let seen = Event { at: 0, seen: true };
    let queue = loaded(Queue { events: vec![seen.clone(); 2], next: Some(seen) }, &bytes);
    assert_eq!(queue.events, [Event { at: 8, seen: true }]);
    assert_eq!(queue.next, Some(Event { at: 9, seen: true }));
}

/// A forged count does not allocate before its items arrive.
#[test]
fn forged_count_does_not_allocate() {
    #[derive(VmState, Default, Debug)]
    #[vmstate(name = "large")]
    struct Large {
        #[vmstate(with = Sequence<{ usize::MAX >> 34 }>)]
        words: Vec<u64>,
        #[vmstate(with = Sequence<{ usize::MAX >> 34 }, Sequence<4>>)]
        lists: Vec<Vec<u8>>,
        text: String,
    }

    for (begin, path) in [
        (&[][..], "large.words.items[8]"),
        (&[0; 4][..], "large.lists.items[16].count"),
        (&[0; 8][..], "large.text.data"),
    ] {
        let mut bytes = begin.to_vec();
        bytes.extend([0x3f, 0xff, 0xff, 0xff]);
        bytes.extend([0; 65]);
        let mut large = Large::default();
        let error = large.load(&mut Reader::from_slice(&bytes), 1).unwrap_err();
        assert!(error.is_truncated(), "{error}");
        assert_eq!(error.path(), path);
        let memory = large.words.capacity() * 8 + large.lists.capacity() * size_of::<Vec<u8>>() + large.text.capacity();
        assert!(memory <= 1 << 20, "{memory}");
    }
}

#[test]
fn composed_forms_are_described_for_all_releases() {
    for release in [Release::Qemu7_2, Release::Qemu10_0] {
        let mut description = DescriptionWriter::new(release, 4096, None);
        description.section("nested", 0, &mut nested(), &mut Writer::new()).unwrap();
        description.section("keyed", 0, &mut keyed(), &mut Writer::new()).unwrap();
        Document::parse(description.finish().as_bytes(), 0).unwrap();
    }
    let text = described(&mut Nested { banks: vec![vec![1, 2]], ..Nested::default() }, Release::Qemu7_2);
    let part = "{\"name\": \"count\", \"type\": \"uint32\", \"size\": 4}, {\"name\": \"items\", \"array_len\": 2, \
                \"type\": \"uint8\", \"size\": 1}";
    assert!(text.contains(part), "{text}");
}

/// Tools decode the items by the description alone, although their sizes differ.
#[test]
fn composed_forms_are_decoded_by_their_description() {
    for release in [Release::Qemu7_2, Release::Qemu10_0] {
        let mut description = DescriptionWriter::new(release, 4096, None);
        let mut out = Writer::new();
        description.section("nested", 0, &mut nested(), &mut out).unwrap();
        let document = Document::parse(description.finish().as_bytes(), 0).unwrap();
        let bytes = out.take();
        let end = Some(bytes.len() as u64);
        let section = DecodedSection::decode(&document.devices[0], &mut Reader::from_slice(&bytes), end).unwrap();
        assert!(section.opaque().is_none(), "{section:?}");
        let mut again = Writer::new();
        section.encode(&mut again);
        assert_eq!(again.pending(), bytes);
        let state = section.state().unwrap();
        let names: Vec<_> = state.fields.iter().map(|field| field.name.to_string()).collect();
        assert_eq!(names, ["banks", "pairs", "options", "arrays", "deep", "words"]);
    }
}

fn keyed_laws() -> Laws<Keyed> {
    Laws::new(|_| keyed())
}

#[test]
fn composed_forms_obey_the_laws() {
    let nested = Laws::new(|_| nested());
    nested.round_trip();
    nested.corruption();
    nested.every_field_is_saved();
    keyed_laws().round_trip();
    keyed_laws().corruption();
}

fn check<T: VmState + Default + Debug + PartialEq + Clone>(state: &T) {
    let bytes = save(&mut state.clone());
    assert_eq!(&loaded(T::default(), &bytes), state);
}

fn bytes_of(count: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=count)
}

prop_compose! {
    fn any_nested()(
        banks in prop::collection::vec(bytes_of(3), 0..=2),
        pairs in prop::collection::vec(any::<(u8, u16)>(), 0..=4),
        options in prop::collection::vec(any::<Option<u8>>(), 0..=4),
        arrays in prop::collection::vec_deque(any::<[Option<u8>; 2]>(), 0..=4),
        deep in prop::collection::vec(("[a-z]{0,4}", prop::option::of(prop::collection::vec(any::<bool>(), 0..=2))), 0..=4),
        words in prop::collection::vec(any::<[u16; 2]>(), 0..=4),
    ) -> Nested {
        Nested { banks, pairs, options, arrays, deep: deep.into(), words }
    }
}

prop_compose! {
    fn any_keyed()(
        ordered in prop::collection::btree_map(any::<u16>(), any::<u8>(), 0..=4),
        hashed in prop::collection::hash_map("[a-z]{0,4}", bytes_of(2), 0..=8),
        set in prop::collection::btree_set(any::<u8>(), 0..=4),
        flags in prop::collection::hash_set(any::<char>(), 0..=8),
        list in prop::collection::vec(any::<u16>(), 0..=4),
        structs in prop::collection::btree_map(any::<u8>(), any::<u16>(), 0..=2),
    ) -> Keyed {
        let event = |at| Event { at, seen: false };
        Keyed {
            ordered, hashed, set, flags,
            list: list.into_iter().map(event).collect(),
            structs: structs.into_iter().map(|(key, at)| (key, event(at))).collect(),
        }
    }
}

proptest! {
    #[test]
    fn any_nested_collection_survives_the_wire(state in any_nested()) {
        check(&state);
    }

    #[test]
    fn any_map_survives_the_wire(state in any_keyed()) {
        check(&state);
    }

    #[test]
    fn any_bytes_are_rejected_or_collections(bytes in any_bytes()) {
        check_any_bytes(Nested::default, &bytes);
        check_any_bytes(Keyed::default, &bytes);
    }
}
