//! All functions of an info read and write the same bytes. The derive macro chooses one by the field's neighbors.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::num::Wrapping;

use super::array::Each;
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
    I::get(&mut into, &mut Reader::from_slice(bytes)).unwrap();
    assert_eq!(into, *value);
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
    assert_eq!(out.pending(), bytes);
    into.load_elements(&mut Reader::from_slice(bytes)).unwrap();
    assert_eq!(into, value);
}

#[test]
fn all_functions_of_an_info_agree() {
    check_info::<LessOrEqual, _>(&mut 5, 9, &[0, 0, 0, 5]);
    check_info::<TimerInfo, _>(&mut Some(258), None, &[0, 0, 0, 0, 0, 0, 1, 2]);
    check_info::<TimerInfo, _>(&mut None, Some(1), &[0xff; 8]);
}

#[test]
fn values_of_fixed_size_are_the_same_in_bulk() {
    check_fixed::<Plain, _>(&0x0102_u16, &[1, 2]);
    check_fixed::<TimerInfo, _>(&Some(258), &[0, 0, 0, 0, 0, 0, 1, 2]);
    check_fixed::<Each<TimerInfo>, _>(&[Some(1), None], &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &[0xff; 8]].concat());
}

#[test]
fn wrappers_have_the_format_of_their_value() {
    check_wire(Cell::new(0x0102_u16), Cell::new(0), &[1, 2]);
    check_wire(RefCell::new(0x0102_u16), RefCell::new(0), &[1, 2]);
    check_wire(Wrapping(0x0102_u16), Wrapping(0), &[1, 2]);
    check_wire(Box::new(0x0102_u16), Box::new(0), &[1, 2]);
}

#[test]
fn wrapped_counters_have_the_count_of_their_value() {
    assert_eq!((Wrapping(3_u8).count(), Wrapping(3_u8).shown()), (Some(3), 3));
    assert_eq!((Cell::new(-3_i32).count(), Cell::new(-3_i32).shown()), (None, -3));
    assert_eq!(Cell::new(3_i32).count(), Some(3));
}
