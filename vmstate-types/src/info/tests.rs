//! All functions of an info read and write the same bytes. The derive macro chooses one by the field's neighbors.

mod containers;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Debug;
use std::num::Wrapping;

use super::array::{Boxed, Each};
use super::bytes::ByteArray;
use super::range::LessOrEqual;
use super::timer::TimerInfo;
use super::varray::CountField;
use super::*;
use crate::description::{Description, Field};
use crate::state::Wire;

const PARENT: &Description = &Description::new("parent").fields(&[Field::new("value", Form::info("any", None))]);
const VALUE: FieldRef = FieldRef::new(PARENT, 0);

/// Checks an info, whose value is loaded into `into`.
fn check_info<I: Info<T>, T: PartialEq + Debug>(value: &mut T, mut into: T, bytes: &[u8]) {
    let mut out = Writer::new();
    I::put(value, &mut out).unwrap();
    assert_eq!(out.take(), bytes);
    I::save_elements(value, &mut out, VALUE, ElementIndex::ONLY).unwrap();
    assert_eq!(out.take(), bytes);
    I::share_elements(value, &mut out, VALUE, ElementIndex::ONLY).unwrap();
    assert_eq!(out.take(), bytes);
    I::get(&mut into, &mut Reader::from_slice(bytes)).unwrap();
    assert_eq!(into, *value);
}

/// Returns the error of a value, which is the same for all functions that save it.
fn unsaved<I: Info<T>, T>(value: &mut T) -> String {
    let put = I::put(value, &mut Writer::new()).unwrap_err();
    let save = I::save_elements(value, &mut Writer::new(), VALUE, ElementIndex::ONLY).unwrap_err();
    let share = I::share_elements(value, &mut Writer::new(), VALUE, ElementIndex::ONLY).unwrap_err();
    assert_eq!([put.to_string(), share.to_string()], [save.to_string(), save.to_string()]);
    save.to_string()
}

/// Checks an info of fixed size, for a run of two values.
fn check_fixed<C: Codec<T>, T: PartialEq + Debug + Clone + Default>(value: &T, bytes: &[u8]) {
    assert_eq!(C::FIXED, Some(bytes.len()));
    let (values, twice) = ([value.clone(), value.clone()], [bytes, bytes].concat());
    let mut out = vec![0xaa; bytes.len()];
    C::put(value, &mut out);
    assert_eq!(out, bytes);
    let mut out = vec![0xaa; twice.len()];
    C::put_all(&values, &mut out);
    assert_eq!(out, twice);
    let mut loaded = [T::default(), T::default()];
    C::get(&mut loaded[0], bytes);
    assert_eq!(loaded[0], *value);
    C::get_all(&mut loaded, &twice);
    assert_eq!(loaded, values);
}

/// Checks a type with a built-in format.
fn check_wire<T: Wire + PartialEq + Debug>(mut value: T, mut into: T, bytes: &[u8]) {
    let mut out = Writer::new();
    value.save_elements(&mut out, VALUE, ElementIndex::ONLY).unwrap();
    assert_eq!(out.take(), bytes);
    value.share_elements(&mut out, VALUE, ElementIndex::ONLY).unwrap();
    assert_eq!(out.take(), bytes);
    into.load_elements(&mut Reader::from_slice(bytes)).unwrap();
    assert_eq!(into, value);
}

#[test]
fn all_functions_of_an_info_agree() {
    check_info::<LessOrEqual, _>(&mut 5, 9, &[0, 0, 0, 5]);
    check_info::<TimerInfo, _>(&mut Some(258), None, &[0, 0, 0, 0, 0, 0, 1, 2]);
    check_info::<TimerInfo, _>(&mut None, Some(1), &[0xff; 8]);
    check_info::<TimerInfo, _>(&mut Box::new(Some(258)), Box::new(None), &[0, 0, 0, 0, 0, 0, 1, 2]);
    check_info::<ByteArray<2>, _>(&mut vec![1, 2], vec![3], &[0, 0, 0, 2, 1, 2]);
    check_info::<Text<3>, _>(&mut "abc".to_owned(), "d".to_owned(), b"\0\0\0\x03abc");
    check_info::<Text<3>, _>(&mut Box::<str>::from("abc"), Box::default(), b"\0\0\0\x03abc");
    check_info::<As<u8>, _>(&mut 5_u32, 0, &[5]);
    check_info::<Boxed<As<u8>>, _>(&mut Box::new(5_u32), Box::new(0), &[5]);
    check_info::<Boxed<Each<Plain>>, _>(&mut Box::new([0x0102_u16, 3]), Box::new([0; 2]), &[1, 2, 0, 3]);
    check_info::<Maybe<As<u8>>, _>(&mut Some(5_u32), None, &[1, 5]);
    check_info::<Maybe<As<u8>>, _>(&mut None::<u32>, Some(4), &[0]);
    check_info::<Pair<As<u8>, Plain>, _>(&mut (5_u32, 6_u8), (0, 0), &[5, 6]);
    check_info::<Ends<As<u8>>, _>(&mut (5_u32..7), 0..0, &[5, 7]);
    check_info::<Ends<As<u8>>, _>(&mut (5_u32..=5), 0..=0, &[5, 5]);
}

/// The items have a form without a fixed size, so that they are saved one by one.
#[test]
fn all_collections_save_their_items_in_order() {
    type Items = Sequence<2, As<u16>>;
    let bytes = &[0, 0, 0, 2, 0, 3, 0, 7];
    check_info::<Items, _>(&mut vec![3_u8, 7], vec![9; 3], bytes);
    check_info::<Items, _>(&mut VecDeque::from([3_u8, 7]), VecDeque::from([9; 3]), bytes);
    check_info::<Items, _>(&mut Box::<[u8]>::from([3, 7]), Box::from([9; 3]), bytes);
    check_info::<Items, _>(&mut LinkedList::from([3_u8, 7]), LinkedList::from([9]), bytes);
    check_info::<Items, _>(&mut BTreeSet::from([7_u8, 3]), BTreeSet::from([9]), bytes);
    check_info::<Items, _>(&mut HashSet::from([7_u8, 3]), HashSet::from([9]), bytes);
    #[cfg(feature = "bytes")]
    check_info::<Items, _>(&mut ::bytes::Bytes::from_static(&[3, 7]), ::bytes::Bytes::new(), bytes);
    #[cfg(feature = "heapless")]
    {
        let deque = |items: [u8; 2]| {
            let mut deque = heapless::Deque::<_, 3>::new();
            items.into_iter().for_each(|item| deque.push_back(item).unwrap());
            deque
        };
        check_info::<Items, _>(&mut deque([3, 7]), deque([9, 9]), bytes);
    }
    type Entries = Map<2, As<u16>, As<u8>>;
    let bytes = &[0, 0, 0, 2, 0, 3, 1, 0, 7, 2];
    check_info::<Entries, _>(&mut BTreeMap::from([(7_u8, 2_u32), (3, 1)]), BTreeMap::from([(9, 9)]), bytes);
    check_info::<Entries, _>(&mut HashMap::from([(7_u8, 2_u32), (3, 1)]), HashMap::from([(9, 9)]), bytes);
}

#[test]
fn more_than_the_maximum_is_not_saved() {
    let elements = "expected at most 2 elements (max = 2), found 3";
    let bytes = "expected at most 2 bytes (max = 2), found 3";
    assert_eq!(unsaved::<Sequence<2>, _>(&mut vec![0_u8; 3]), elements);
    assert_eq!(unsaved::<Map<2>, _>(&mut BTreeMap::from([(1_u8, 1_u8), (2, 2), (3, 3)])), elements);
    assert_eq!(unsaved::<ByteArray<2>, _>(&mut vec![0; 3]), bytes);
    assert_eq!(unsaved::<Text<2>, _>(&mut "abc".to_owned()), bytes);
}

#[test]
fn errors_of_saves_name_the_item() {
    assert_eq!(unsaved::<As<u8>, _>(&mut 300_u32), "300 does not fit its wire type u8");
    let error = unsaved::<Sequence<3, As<u8>>, _>(&mut vec![1_u32, 2, 300]);
    assert_eq!(error, "field items[2]: 300 does not fit its wire type u8");
    let error = unsaved::<Map<2, Plain, As<u8>>, _>(&mut BTreeMap::from([(1_u8, 1_u32), (2, 300)]));
    assert_eq!(error, "field entries[1].value: 300 does not fit its wire type u8");
    let error = unsaved::<Boxed<Each<As<u8>>>, _>(&mut Box::new([1_u32, 300]));
    assert_eq!(error, "field [1]: 300 does not fit its wire type u8");
    let error = unsaved::<Ends, _>(&mut {
        let mut range = 5_u8..=5;
        range.next();
        range
    });
    assert_eq!(error, "the range is an iterator at its end, which has no wire form");
}

#[test]
fn complete_chunks_of_a_truncated_sequence_load() {
    let mut bytes = vec![0xff; 100_000];
    bytes[0] = 0x7f;
    let mut items = Vec::<u64>::new();
    let error = <Sequence<{ usize::MAX >> 33 }> as Info<Vec<u64>>>::get(&mut items, &mut Reader::from_slice(&bytes));
    assert_eq!(error.unwrap_err().path(), "items[12499]");
    assert_eq!(items.len(), 64 * 1024 / 8);
}

#[test]
fn sequence_of_several_chunks_loads() {
    let mut items: Vec<u64> = (0..20_000).collect();
    let mut out = Writer::new();
    <Sequence<20_000> as Info<Vec<u64>>>::put(&items, &mut out).unwrap();
    let mut loaded = vec![7; 3];
    <Sequence<20_000> as Info<Vec<u64>>>::get(&mut loaded, &mut Reader::from_slice(out.pending())).unwrap();
    assert_eq!(loaded, items);
    items.push(0);
    assert!(<Sequence<20_000> as Info<Vec<u64>>>::put(&items, &mut out).is_err());
}

#[test]
fn load_replaces_the_items_of_a_heap() {
    let mut heap = BinaryHeap::from([9_u8, 8, 7]);
    <Sequence<2> as Info<_>>::get(&mut heap, &mut Reader::from_slice(&[0, 0, 0, 2, 3, 5])).unwrap();
    assert_eq!(heap.into_sorted_vec(), [3, 5]);
}

/// A form with no other function to save than the required one.
struct Minimal;

impl Codec<u8> for Minimal {
    const FORM: Form = Form::info("minimal", None);

    fn share<S: Sink>(value: &u8, sink: &mut S, _: FieldRef, _: ElementIndex) -> Result<(), SaveError> {
        sink.bytes(&[*value]);
        Ok(())
    }

    fn load(value: &mut u8, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        *value = reader.u8()?;
        Ok(())
    }
}

#[test]
fn form_without_exclusive_save_is_shared() {
    check_info::<Boxed<Minimal>, _>(&mut Box::new(5), Box::new(0), &[5]);
    check_info::<Pair<Minimal, Minimal>, _>(&mut (5, 6), (0, 0), &[5, 6]);
}

#[test]
fn values_of_fixed_size_are_the_same_in_bulk() {
    check_fixed::<Plain, _>(&0x0102_u16, &[1, 2]);
    check_fixed::<TimerInfo, _>(&Some(258), &[0, 0, 0, 0, 0, 0, 1, 2]);
    check_fixed::<Boxed<Plain>, _>(&Box::new(0x0102_u16), &[1, 2]);
    check_fixed::<Boxed<Each<Plain>>, _>(&Box::new([0x0102_u16, 3]), &[1, 2, 0, 3]);
    check_fixed::<Each<TimerInfo>, _>(&[Some(1), None], &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &[0xff; 8]].concat());
}

#[test]
fn wrappers_have_the_format_of_their_value() {
    check_wire(Cell::new(0x0102_u16), Cell::new(0), &[1, 2]);
    check_wire(RefCell::new(0x0102_u16), RefCell::new(0), &[1, 2]);
    check_wire(Wrapping(0x0102_u16), Wrapping(0), &[1, 2]);
    check_wire(Box::new(0x0102_u16), Box::new(0), &[1, 2]);
    check_wire(&mut 0x0102_u16, &mut 0, &[1, 2]);
    check_wire(Wrapping('a'), Wrapping('b'), &[0, 0, 0, b'a']);
    check_wire(Cell::new('a'), Cell::new('b'), &[0, 0, 0, b'a']);
}

#[test]
fn wrapped_counters_have_the_count_of_their_value() {
    assert_eq!((Wrapping(3_u8).count(), Wrapping(3_u8).shown()), (Some(3), 3));
    assert_eq!((Cell::new(-3_i32).count(), Cell::new(-3_i32).shown()), (None, -3));
    assert_eq!(Cell::new(3_i32).count(), Some(3));
}
