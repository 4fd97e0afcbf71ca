//! Nullable pointers: arrays of them (both generations of QEMU's `VMS_ARRAY_OF_POINTER`), and single ones.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

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

    /// Returns a shared reference to the target, or `None` for a null pointer.
    fn shared(&self) -> Option<&Self::Target>;
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

    fn shared(&self) -> Option<&T> {
        self.as_deref()
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

    /// The reason why a target cannot be saved through a shared reference, if one exists.
    const EXCLUSIVE: Option<&'static str>;

    /// Saves `count` pointers through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`save`](Self::save).
    fn share<S: Sink>(&self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

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
    const EXCLUSIVE: Option<&'static str> = <<C::Item as Slot>::Target as Wire>::EXCLUSIVE;

    fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        // A restore cannot allocate a target that a hook has dropped.
        walk::save_isolated(sink, |sink| save_slots(self, count, sink, at, false))
    }

    fn share<S: Sink>(&self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        walk::save_isolated(sink, |sink| share_slots(self, count, sink, at, false))
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

    /// The reason why a target cannot be saved through a shared reference, if one exists.
    const EXCLUSIVE: Option<&'static str>;

    /// Saves `count` pointers through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`save`](Self::save).
    fn share<S: Sink>(&self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

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
    const EXCLUSIVE: Option<&'static str> = <<C::Item as Slot>::Target as Wire>::EXCLUSIVE;

    fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        save_slots(self, count, sink, at, true)
    }

    fn share<S: Sink>(&self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        share_slots(self, count, sink, at, true)
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
    const EXCLUSIVE: Option<&'static str> = T::EXCLUSIVE;

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
        value.as_mut().ok_or_else(no_value)?.save_elements(sink, at, element)
    }

    fn share<S: Sink>(value: &Option<T>, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        if sink.out().is_checkpoint() {
            return walk::save_isolated(sink, |sink| {
                sink.out().u8(value.is_some().into());
                value.as_ref().map_or(Ok(()), |value| value.share_elements(sink, at, element))
            });
        }
        value.as_ref().ok_or_else(no_value)?.share_elements(sink, at, element)
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

#[cold]
fn no_value() -> SaveError {
    SaveError::rejected("expected a value to save, found `None`")
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
    C::CAPACITY.is_none() && slots.all().iter().skip(count).any(|slot| slot.shared().is_some())
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
    let mut runs = Runs::new(slots.len(), marked);
    for index in 0..slots.len() {
        let element = runs.begin(&slots[index..], index, |slot| slot.shared().is_none(), sink);
        match slots[index].target() {
            Some(target) => target.save_elements(sink, at, element).map_err(|error| error.in_element(index))?,
            None => save_null(sink, at, element),
        }
    }
    Ok(())
}

fn share_slots<C, S>(slots: &C, count: usize, sink: &mut S, at: FieldRef, marked: bool) -> Result<(), SaveError>
where
    C: Counted<Item: Slot>,
    S: Sink,
{
    let parts = container::to_share(slots, count, sink).ok_or_else(|| count_mismatch(count))?;
    let slots: Vec<&C::Item> = parts.into_iter().flatten().collect();
    let mut runs = Runs::new(slots.len(), marked);
    for (index, slot) in slots.iter().enumerate() {
        let element = runs.begin(&slots[index..], index, |slot| slot.shared().is_none(), sink);
        match slot.shared() {
            Some(target) => target.share_elements(sink, at, element).map_err(|error| error.in_element(index))?,
            None => save_null(sink, at, element),
        }
    }
    Ok(())
}

fn save_null<S: Sink>(sink: &mut S, at: FieldRef, element: ElementIndex) {
    sink.begin_element(at, element);
    sink.bytes(&[NULL]);
    sink.end_element();
}

/// The run of pointers that are all null or all valid, at the current pointer.
///
/// QEMU 10.0 describes pointers in runs (vmstate_save_state_v in migration/vmstate.c), so that the sink needs the whole
/// run at its first pointer.
struct Runs {
    run: PointerRun,
    count: usize,
}

impl Runs {
    fn new(count: usize, marked: bool) -> Self {
        Self { run: PointerRun { marked, ..PointerRun::default() }, count }
    }

    /// Begins the pointer at `index`, the first one of `rest`: writes the marker of a target, and notifies the sink.
    fn begin<P, S: Sink>(
        &mut self,
        rest: &[P],
        index: usize,
        is_null: impl Fn(&P) -> bool,
        sink: &mut S,
    ) -> ElementIndex {
        if index == self.run.end {
            let null = rest.first().is_some_and(&is_null);
            let length = rest.iter().take_while(|slot| is_null(slot) == null).count();
            self.run = PointerRun { null, start: index, end: index + length, ..self.run };
        }
        if self.run.marked && !self.run.null {
            sink.bytes(&[VALID]);
        }
        sink.pointer(self.run);
        ElementIndex::new(index, self.count)
    }
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
mod tests;
