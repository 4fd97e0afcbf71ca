//! Pointers that may be null: arrays of them (QEMU's `VMS_ARRAY_OF_POINTER` in its two generations), and single ones.

use alloc::boxed::Box;
use alloc::format;

use super::Codec;
use super::varray::Counted;
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, PointerRun, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// The byte that stands for a null pointer.
const NULL: u8 = b'0';
/// The byte before what a pointer points to, if every pointer is marked.
const VALID: u8 = b'1';

/// A slot of an array of pointers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a nullable pointer",
    label = "expected nullable pointers",
    note = "`pointer` requires `Option<Box<T>>`, or an array or counted collection of it"
)]
pub trait Slot {
    /// What it points to.
    type Target: Wire;

    /// What it points to, if it is not null.
    fn target(&mut self) -> Option<&mut Self::Target>;

    /// Whether it points to nothing.
    fn is_null(&self) -> bool;
}

/// A slot that a load can fill and empty.
pub trait FillSlot: Slot {
    /// What it points to, which is made if it is null.
    fn fill(&mut self) -> &mut Self::Target;

    /// Makes it null.
    fn clear(&mut self);
}

impl<T: Wire> Slot for Option<Box<T>> {
    type Target = T;

    fn target(&mut self) -> Option<&mut T> {
        self.as_deref_mut()
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }
}

impl<T: Wire + Default> FillSlot for Option<Box<T>> {
    fn fill(&mut self) -> &mut T {
        self.get_or_insert_default()
    }

    fn clear(&mut self) {
        *self = None;
    }
}

/// Slots of which both sides know which are null: nothing on the wire tells (as in QEMU).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection of nullable pointers",
    label = "expected nullable pointers",
    note = "`pointer` requires `Option<Box<T>>`, or an array or counted collection of it"
)]
pub trait Slots {
    /// What a slot points to, on the wire.
    const ITEM: Form;
    /// How many slots there can ever be; `None` if their number grows.
    const CAPACITY: Option<usize>;

    /// Saves `count` slots: what each points to, or the byte `0x30`.
    ///
    /// # Errors
    /// When there are not as many slots, or something cannot be saved.
    fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Loads `count` slots: into what each points to, and the byte `0x30` for a null one.
    ///
    /// # Errors
    /// When the stream has something where a slot is null, or something cannot be loaded.
    fn load(&mut self, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<C: Counted<Item: Slot>> Slots for C {
    const ITEM: Form = <<C::Item as Slot>::Target as Wire>::FORM;
    const CAPACITY: Option<usize> = <C as Counted>::CAPACITY;

    fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        save_slots(self, count, sink, at, false)
    }

    fn load(&mut self, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        each(self, count, |slot| match slot.target() {
            Some(target) => target.load_elements(reader),
            None => match marker(reader)? {
                (NULL, _) => Ok(()),
                (found, start) => Err(not_null(found).at_offset(start)),
            },
        })
    }
}

/// Slots that are marked on the wire as null or not; loading makes and drops what they point to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection of nullable pointers",
    label = "expected nullable pointers",
    note = "`pointer` requires `Option<Box<T>>`, or an array or counted collection of it"
)]
pub trait MarkedSlots {
    /// What a slot points to, on the wire.
    const ITEM: Form;
    /// How many slots there can ever be; `None` if their number grows.
    const CAPACITY: Option<usize>;

    /// Saves `count` slots: the byte `0x31` and what each points to, or the byte `0x30`.
    ///
    /// # Errors
    /// When there are not as many slots, or something cannot be saved.
    fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Loads `count` slots, each of which begins with a marker.
    ///
    /// # Errors
    /// When a marker is neither `0x30` nor `0x31`, or something cannot be loaded.
    fn load(&mut self, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<C: Counted<Item: FillSlot>> MarkedSlots for C {
    const ITEM: Form = <<C::Item as Slot>::Target as Wire>::FORM;
    const CAPACITY: Option<usize> = <C as Counted>::CAPACITY;

    fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        save_slots(self, count, sink, at, true)
    }

    fn load(&mut self, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        each(self, count, |slot| match marker(reader)? {
            (NULL, _) => {
                slot.clear();
                Ok(())
            }
            (VALID, _) => slot.fill().load_elements(reader),
            (found, start) => {
                let found = format!("{found:#04x}");
                Err(LoadError::malformed("0x30 (null) or 0x31 (something follows)", found).at_offset(start))
            }
        })
    }
}

/// `#[vmstate(pointer)]` on an `Option`: what is in it, where there must be something (`VMSTATE_STRUCT_POINTER_TEST`).
///
/// Nothing on the wire tells whether there is: a `when` does, or both sides know.
#[derive(Debug)]
pub struct Present;

impl<T: Wire> Codec<Option<T>> for Present {
    const FORM: Form = T::FORM;

    fn save<S: Sink>(
        value: &mut Option<T>,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        let value = value.as_mut().ok_or_else(|| SaveError::rejected("there is nothing to save"))?;
        value.save_elements(sink, at, element)
    }

    fn load(value: &mut Option<T>, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let nothing = || LoadError::misuse("something to load into", "`None`").at_offset(reader.offset());
        value.as_mut().ok_or_else(nothing)?.load_elements(reader)
    }
}

fn save_slots<C, S>(slots: &mut C, count: usize, sink: &mut S, at: FieldRef, marked: bool) -> Result<(), SaveError>
where
    C: Counted<Item: Slot>,
    S: Sink,
{
    let slots = slots
        .items(count)
        .ok_or_else(|| SaveError::out_of_range(format!("its count says {count}, which it does not hold")))?;
    let mut run = PointerRun::default();
    for index in 0..slots.len() {
        if index == run.end {
            let null = slots[index].is_null();
            let length = slots[index..].iter().take_while(|slot| slot.is_null() == null).count();
            run = PointerRun { null, start: index, end: index + length };
        }
        let element = ElementIndex::new(index, count);
        match slots[index].target() {
            Some(target) => {
                if marked {
                    sink.out().u8(VALID);
                }
                sink.pointer(run);
                target.save_elements(sink, at, element).map_err(|error| error.in_element(index))?;
            }
            None => {
                sink.pointer(run);
                sink.begin_element(at, element);
                sink.out().u8(NULL);
                sink.end_element();
            }
        }
    }
    Ok(())
}

fn not_null(found: u8) -> LoadError {
    LoadError::incompatible("0x30, for this slot is null", format!("{found:#04x}"))
        .or_advice("give both sides the same slots, or let the load make them with `pointer(alloc)`")
        .with_qemu_message(format!("Unexpected ptr marker: {found}"))
}

fn marker(reader: &mut Reader<'_>) -> Result<(u8, u64), LoadError> {
    let start = reader.offset();
    Ok((reader.u8()?, start))
}

fn each<C: Counted>(
    slots: &mut C,
    count: usize,
    mut load: impl FnMut(&mut C::Item) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    if C::CAPACITY.is_some_and(|capacity| count > capacity) {
        return Err(LoadError::misuse("a count that fits the array", count));
    }
    for index in 0..count {
        for slot in slots.grow(index, index + 1) {
            load(slot).map_err(|error| error.in_element(index))?;
        }
    }
    slots.cut(count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::{Description, Field, Pointers};
    use crate::wire::Writer;

    const FORM: Form = Form::info("int32", Some(4)).times(4).behind(Pointers::Nullable);
    const PARENT: &Description = &Description::new("parent").fields(&[Field::new("slots", FORM)]);
    const SLOTS: FieldRef = FieldRef::new(PARENT, 0);
    /// `array/ptr/str/0` of QEMU's own test of its engine.
    const ONE_IS_NULL: [u8; 13] = [0, 0, 0, 0, 0x30, 0, 0, 0, 2, 0, 0, 0, 3];

    fn slots(values: [Option<i32>; 4]) -> [Option<Box<i32>>; 4] {
        values.map(|value| value.map(Box::new))
    }

    #[test]
    fn a_null_is_one_byte_where_both_sides_know_of_it() {
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
    fn marked_pointers_are_made_and_dropped() {
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
}
