//! Limits that hold when saving, too, and counts that are multiplied by constants.

use std::collections::{BTreeMap, LinkedList};

use vmstate::description::Count;
use vmstate::info::As;
use vmstate::prelude::*;

use super::{loaded, save};

#[derive(VmState, Default)]
struct Queue {
    size: u16,
}

#[derive(VmState, Default)]
struct Limited {
    #[vmstate(list(max = 2))]
    list: LinkedList<Queue>,
    #[vmstate(tree(direct, max = 1))]
    tree: BTreeMap<u8, Queue>,
}

#[test]
fn unloadable_state_is_not_saved() {
    let mut device =
        Limited { list: [Queue::default(), Queue::default()].into(), tree: [(1, Queue::default())].into() };
    save(&mut device);
    device.tree.insert(2, Queue::default());
    let refusal = |device: &mut Limited| {
        let saved = device.save(&mut Writer::new()).unwrap_err().to_string();
        assert_eq!(device.save_shared(&mut Writer::new()).unwrap_err().to_string(), saved);
        saved
    };
    let expected = "field Limited.tree: expected at most 1 elements (max = 1), found 2";
    assert_eq!(refusal(&mut device), expected);
    device.list.push_back(Queue::default());
    let expected = "field Limited.list: expected at most 2 elements (max = 2), found 3";
    assert_eq!(refusal(&mut device), expected);
}

#[derive(VmState, Default, Debug)]
#[vmstate(name = "part")]
struct Part {
    #[vmstate(with = As<u8>, range = 2..4)]
    items: [u32; 5],
}

#[test]
fn error_in_a_part_has_the_index_in_the_array() {
    let mut part = Part { items: [300, 300, 1, 300, 300] };
    let expected = "field part.items[3]: 300 does not fit its wire type u8";
    assert_eq!(part.save(&mut Writer::new()).unwrap_err().to_string(), expected);
    assert_eq!(part.save_shared(&mut Writer::new()).unwrap_err().to_string(), expected);
    let error = part.load(&mut Reader::from_slice(&[1]), 1).unwrap_err();
    assert_eq!(error.path(), "part.items[3]");
}

/// Words of a slot.
const SLOT: usize = 2;

#[derive(VmState, Default, Debug, PartialEq)]
struct Multiplied<const N: usize> {
    count: u8,
    #[vmstate(len = count * SLOT, max = 4)]
    words: Vec<u16>,
    #[vmstate(buffer(len = count, multiply = self::SLOT), unused(before = count * SLOT, max = 2))]
    bytes: [u8; 4],
    #[vmstate(len = count * N)]
    front: [u8; 6],
    #[vmstate(len = count * Self::OWN)]
    own: [u8; 2],
}

impl<const N: usize> Multiplied<N> {
    const OWN: usize = 1;
}

#[test]
fn a_count_is_multiplied_by_a_constant() {
    let bytes = [1, 0, 1, 0, 2, 0, 0, 3, 4, 5, 6, 7, 8];
    let device =
        || Multiplied::<3> { count: 1, words: vec![1, 2], bytes: [3, 4, 0, 0], front: [5, 6, 7, 0, 0, 0], own: [8, 0] };
    assert_eq!(save(&mut device()), bytes);
    assert_eq!(loaded(Multiplied::default(), &bytes), device());
    let sources = Multiplied::<3>::DESCRIPTION.fields.iter().filter_map(|field| match field.form.count {
        Count::Counted(source) => Some(source.multiply),
        _ => None,
    });
    assert_eq!(sources.collect::<Vec<_>>(), [2, 1, 3, 1], "with the runs of unused bytes, whose size is apart");
}
