//! Nullable pointers: arrays of them (both generations of QEMU's `VMS_ARRAY_OF_POINTER`), and single ones.

use alloc::boxed::Box;
use alloc::format;

use super::Codec;
use super::container::{self, Counted};
use super::sealed::Seal;
use super::varray::{checked_count, count_mismatch};
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, PointerRun, Sink};
use crate::state::Wire;
use crate::walk;
use crate::wire::Reader;

/// The byte that represents a null pointer (`VMS_NULLPTR_MARKER` in `include/migration/vmstate.h`).
const NULL: u8 = b'0';
/// The byte before the target of a pointer, if every pointer is marked.
const VALID: u8 = b'1';

/// A nullable pointer in an array.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a nullable pointer",
    label = "expected nullable pointers",
    note = "`pointer` requires `Option<Box<T>>`, or an array or counted collection of it"
)]
pub trait Slot {
    /// The type of the target.
    type Target: Wire;

    /// Returns the target, or `None` for a null pointer.
    fn target(&mut self) -> Option<&mut Self::Target>;

    /// Returns whether the pointer is null.
    fn is_null(&self) -> bool;
}

/// A pointer that a load can allocate and drop.
pub trait FillSlot: Slot {
    /// Returns the target, after allocating it for a null pointer.
    fn fill(&mut self) -> &mut Self::Target;

    /// Sets the pointer to null.
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

/// Pointers without markers: both sides must agree on which ones are null, as in QEMU.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection of nullable pointers",
    label = "expected nullable pointers",
    note = "`pointer` requires `Option<Box<T>>`, or an array or counted collection of it"
)]
pub trait Slots {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The wire format of the targets.
    const ITEM: Form;
    /// The maximum number of pointers; `None` if the container grows.
    const CAPACITY: Option<usize>;

    /// Saves `count` pointers: the target, or the byte `0x30`.
    ///
    /// # Errors
    /// Returns an error if there are fewer pointers, or a target cannot be saved.
    fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Loads `count` pointers: the existing target, or the byte `0x30` for a null pointer.
    ///
    /// # Errors
    /// Returns an error if the stream has a target for a null pointer, or a target cannot be loaded.
    fn load(&mut self, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<C: Counted<Item: Slot>> Slots for C {
    const SEAL: Seal = Seal;
    const ITEM: Form = <<C::Item as Slot>::Target as Wire>::FORM;
    const CAPACITY: Option<usize> = <C as Counted>::CAPACITY;

    fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        // A restore cannot allocate a target that a hook has dropped.
        walk::save_isolated(sink, |sink| save_slots(self, count, sink, at, false))
    }

    fn load(&mut self, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        if !reader.is_checkpoint() && drops_target(self, count) {
            return Err(dropped(count).at_offset(reader.offset()));
        }
        walk::load_isolated(reader, |reader| each(self, count, reader, load_unmarked))
    }
}

/// Pointers with markers: a load allocates and drops targets.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection of nullable pointers",
    label = "expected nullable pointers",
    note = "`pointer` requires `Option<Box<T>>`, or an array or counted collection of it"
)]
pub trait MarkedSlots {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The wire format of the targets.
    const ITEM: Form;
    /// The maximum number of pointers; `None` if the container grows.
    const CAPACITY: Option<usize>;

    /// Saves `count` pointers: the byte `0x31` and the target, or the byte `0x30`.
    ///
    /// # Errors
    /// Returns an error if there are fewer pointers, or a target cannot be saved.
    fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Loads `count` pointers, each of which begins with a marker.
    ///
    /// # Errors
    /// Returns an error if a marker is neither `0x30` nor `0x31`, or a target cannot be loaded.
    fn load(&mut self, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<C: Counted<Item: FillSlot>> MarkedSlots for C {
    const SEAL: Seal = Seal;
    const ITEM: Form = <<C::Item as Slot>::Target as Wire>::FORM;
    const CAPACITY: Option<usize> = <C as Counted>::CAPACITY;

    fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        save_slots(self, count, sink, at, true)
    }

    fn load(&mut self, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        each(self, count, reader, |slot, reader| match marker(reader)? {
            (NULL, _) => {
                slot.clear();
                Ok(())
            }
            (VALID, _) => slot.fill().load_elements(reader),
            (found, start) => {
                let found = format!("{found:#04x}");
                Err(LoadError::malformed("0x30 (null) or 0x31 (valid)", found).at_offset(start))
            }
        })
    }
}

/// `#[vmstate(pointer)]` on an `Option` that must be `Some` when it is saved or loaded (`VMSTATE_STRUCT_POINTER_TEST`).
///
/// The wire format has no marker: a `when` predicate decides, or both sides agree.
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
        // A checkpoint has a marker, because it also contains fields whose predicate does not hold.
        if sink.out().is_checkpoint() {
            return walk::save_isolated(sink, |sink| {
                sink.out().u8(value.is_some().into());
                value.as_mut().map_or(Ok(()), |value| value.save_elements(sink, at, element))
            });
        }
        let value = value.as_mut().ok_or_else(|| SaveError::rejected("expected a value to save, found `None`"))?;
        value.save_elements(sink, at, element)
    }

    fn load(value: &mut Option<T>, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        walk::load_isolated(reader, |reader| {
            if reader.is_checkpoint() && reader.u8()? == 0 {
                *value = None;
                return Ok(());
            }
            let missing = || LoadError::misuse("a value to load into", "`None`").at_offset(reader.offset());
            value.as_mut().ok_or_else(missing)?.load_elements(reader)
        })
    }
}

fn load_unmarked<P: Slot>(slot: &mut P, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    if let Some(target) = slot.target() {
        return target.load_elements(reader);
    }
    // QEMU consumes the marker of a pointer that is null on the destination, and rejects any other byte (get_nullptr in
    // migration/vmstate-types.c).
    match marker(reader)? {
        (NULL, _) => Ok(()),
        (found, start) => Err(not_null(found).at_offset(start)),
    }
}

/// Returns whether a load of `count` pointers would drop a target, which a rollback could not allocate again.
fn drops_target<C: Counted<Item: Slot>>(slots: &mut C, count: usize) -> bool {
    C::CAPACITY.is_none() && slots.all().iter().skip(count).any(|slot| !slot.is_null())
}

#[cold]
fn dropped(count: usize) -> LoadError {
    LoadError::incompatible("a count that includes all local pointers that are not null", count).or_advice(SAME)
}

/// The advice if the pointers of source and destination differ.
const SAME: &str = "allocate the same pointers on both sides, or let the load allocate them with `pointer(alloc)`";

fn save_slots<C, S>(slots: &mut C, count: usize, sink: &mut S, at: FieldRef, marked: bool) -> Result<(), SaveError>
where
    C: Counted<Item: Slot>,
    S: Sink,
{
    let slots = container::to_save(slots, count, sink).ok_or_else(|| count_mismatch(count))?;
    let count = slots.len();
    let mut run = PointerRun::default();
    for index in 0..slots.len() {
        // QEMU 10.0 describes pointers in runs that are all null or all valid (vmstate_save_state_v in
        // migration/vmstate.c), so that the sink needs the whole run at its first pointer.
        if index == run.end {
            let null = slots[index].is_null();
            let length = slots[index..].iter().take_while(|slot| slot.is_null() == null).count();
            run = PointerRun { null, start: index, end: index + length, marked };
        }
        let element = ElementIndex::new(index, count);
        match slots[index].target() {
            Some(target) => {
                if marked {
                    sink.bytes(&[VALID]);
                }
                sink.pointer(run);
                target.save_elements(sink, at, element).map_err(|error| error.in_element(index))?;
            }
            None => {
                sink.pointer(run);
                sink.begin_element(at, element);
                sink.bytes(&[NULL]);
                sink.end_element();
            }
        }
    }
    Ok(())
}

fn not_null(found: u8) -> LoadError {
    LoadError::incompatible("0x30, because this pointer is null", format!("{found:#04x}"))
        .or_advice(SAME)
        .with_qemu_message(format!("Unexpected ptr marker: {found}"))
}

fn marker(reader: &mut Reader<'_>) -> Result<(u8, u64), LoadError> {
    let start = reader.offset();
    Ok((reader.u8()?, start))
}

fn each<C: Counted>(
    slots: &mut C,
    count: usize,
    reader: &mut Reader<'_>,
    load: impl Fn(&mut C::Item, &mut Reader<'_>) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    let count = checked_count(slots, count, reader)?;
    for index in 0..count {
        for slot in slots.grow(index, index + 1) {
            load(slot, reader).map_err(|error| error.in_element(index))?;
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
}
