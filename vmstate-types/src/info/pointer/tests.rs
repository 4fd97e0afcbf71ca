//! Tests of pointers with and without markers.

use super::*;
use crate::description::{Description, Field, Pointers};
use crate::wire::Writer;

const FORM: Form = Form::info("int32", Some(4)).times(4).behind(Pointers::Nullable);
const PARENT: &Description = &Description::new("parent").fields(&[Field::new("slots", FORM)]);
const SLOTS: FieldRef = FieldRef::new(PARENT, 0);
/// `array/ptr/str/0` of QEMU's `tests/unit/test-vmstate.c`.
const ONE_IS_NULL: [u8; 13] = [0, 0, 0, 0, 0x30, 0, 0, 0, 2, 0, 0, 0, 3];

fn slots(values: [Option<i32>; 4]) -> [Option<Box<i32>>; 4] {
    values.map(|value| value.map(Box::new))
}

#[test]
fn unmarked_null_pointer_is_one_byte() {
    let mut writer = Writer::new();
    Slots::save(&mut slots([Some(0), None, Some(2), Some(3)]), 4, &mut writer, SLOTS).unwrap();
    assert_eq!(writer.pending(), ONE_IS_NULL);

    let mut loaded = slots([Some(9), None, Some(9), Some(9)]);
    Slots::load(&mut loaded, 4, &mut Reader::from_slice(&ONE_IS_NULL)).unwrap();
    assert_eq!(loaded, slots([Some(0), None, Some(2), Some(3)]));
    let error = Slots::load(&mut slots([None; 4]), 4, &mut Reader::from_slice(&ONE_IS_NULL)).unwrap_err();
    assert_eq!((error.path().as_str(), error.found(), error.offset()), ("[0]", "0x00", Some(0)));
}

#[test]
fn unmarked_pointer_is_not_dropped() {
    let pointers = || vec![Some(Box::new(1_i32)), None, Some(Box::new(3)), None];
    let mut loaded = pointers();
    let error = Slots::load(&mut loaded, 2, &mut Reader::from_slice(&ONE_IS_NULL)).unwrap_err();
    assert_eq!((error.found(), error.offset()), ("2", Some(0)));
    assert_eq!(loaded, pointers());
    // Null pointers can be dropped and added.
    Slots::load(&mut loaded, 3, &mut Reader::from_slice(&[0, 0, 0, 1, 0x30, 0, 0, 0, 3])).unwrap();
    assert_eq!(loaded, pointers()[..3]);
    Slots::load(&mut loaded, 4, &mut Reader::from_slice(&[0, 0, 0, 1, 0x30, 0, 0, 0, 3, 0x30])).unwrap();
    assert_eq!(loaded, pointers());
}

#[test]
fn marked_pointers_are_allocated_and_dropped() {
    let bytes = [0x31, 0, 0, 0, 5, 0x30, 0x30, 0x31, 0, 0, 0, 6];
    let mut writer = Writer::new();
    MarkedSlots::save(&mut slots([Some(5), None, None, Some(6)]), 4, &mut writer, SLOTS).unwrap();
    assert_eq!(writer.pending(), bytes);
    let mut loaded = slots([None, Some(9), None, Some(9)]);
    MarkedSlots::load(&mut loaded, 4, &mut Reader::from_slice(&bytes)).unwrap();
    assert_eq!(loaded, slots([Some(5), None, None, Some(6)]));
    let error = MarkedSlots::load(&mut loaded, 4, &mut Reader::from_slice(&[0x32])).unwrap_err();
    assert_eq!((error.path().as_str(), error.found()), ("[0]", "0x32"));
}
