//! Linked lists: QEMU's `qtailq` and `qlist`.

use alloc::collections::{LinkedList, VecDeque};
use alloc::format;
use alloc::vec::Vec;

use super::hidden::check_max;
use crate::description::Description;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::VmState;
use crate::walk;
use crate::wire::Reader;

/// The byte before each element.
const MORE: u8 = 1;
/// The byte after the last one.
const END: u8 = 0;

/// What `list` can stand on: a `Vec`, a `VecDeque` or a `LinkedList`.
pub trait List {
    /// What it holds.
    type Item;

    /// How many there are.
    fn length(&self) -> usize;

    /// The elements in order.
    fn items(&mut self) -> impl Iterator<Item = &mut Self::Item>;

    /// Drops all elements.
    fn clear(&mut self);

    /// Appends an element.
    fn push(&mut self, item: Self::Item);
}

macro_rules! lists {
    ($($list:ident $push:ident)*) => {$(
        impl<T> List for $list<T> {
            type Item = T;

            fn length(&self) -> usize {
                self.len()
            }

            fn items(&mut self) -> impl Iterator<Item = &mut T> {
                self.iter_mut()
            }

            fn clear(&mut self) {
                Self::clear(self);
            }

            fn push(&mut self, item: T) {
                self.$push(item);
            }
        }
    )*};
}

lists!(Vec push VecDeque push_back LinkedList push_back);

/// A list of described structs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list type",
    label = "expected a list of structs",
    note = "`list` requires `Vec`, `VecDeque` or `LinkedList` of a struct that derives `VmState`"
)]
pub trait Structs {
    /// The elements' shape.
    const ITEM: &'static Description;

    /// Saves the elements, at most `max`, each at its type's own version.
    ///
    /// # Errors
    /// When there are more, which nobody could load, or an element refuses.
    fn save<S: Sink>(&mut self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Replaces the elements by those of the stream, at most `max`, each loaded at `version`.
    ///
    /// The version is the field's and not the elements' own (QEMU: `get_qtailq`); the elements' type must support it.
    ///
    /// # Errors
    /// When there are more elements, or one cannot be loaded.
    fn load(&mut self, max: usize, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<L: List<Item: VmState + Default>> Structs for L {
    const ITEM: &'static Description = L::Item::DESCRIPTION;

    fn save<S: Sink>(&mut self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        check_max(self.length(), max)?;
        sink.begin_element(at, ElementIndex::ONLY);
        for (index, item) in self.items().enumerate() {
            sink.out().u8(MORE);
            walk::save(item, sink, Self::ITEM.version).map_err(|error| error.in_element(index))?;
        }
        sink.out().u8(END);
        sink.end_element();
        Ok(())
    }

    fn load(&mut self, max: usize, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        walk::check_version(Self::ITEM, version).map_err(|error| error.at_offset(reader.offset()))?;
        self.clear();
        let mut count = 0;
        while more(reader)? {
            if count == max {
                let error = LoadError::malformed(format!("at most {max} elements (max = {max})"), "another one");
                return Err(error.at_offset(reader.offset()));
            }
            let mut item = L::Item::default();
            walk::load(&mut item, reader, version).map_err(|error| error.in_element(count))?;
            self.push(item);
            count += 1;
        }
        Ok(())
    }
}

/// Whether another element follows. QEMU takes any byte but zero for a yes.
pub(super) fn more(reader: &mut Reader<'_>) -> Result<bool, LoadError> {
    Ok(reader.u8()? != END)
}
