//! Linked lists: QEMU's `qtailq` and `qlist`.

use alloc::collections::{LinkedList, VecDeque};
use alloc::format;
use alloc::vec::Vec;

use super::hidden::check_max;
use super::sealed::{Seal, Sealed};
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

/// A container that supports `list`: a `Vec`, a `VecDeque` or a `LinkedList`.
pub trait List: Sealed {
    /// The type of the elements.
    type Item;

    /// Returns the number of elements.
    fn length(&self) -> usize;

    /// Returns the elements in order.
    fn items(&mut self) -> impl Iterator<Item = &mut Self::Item>;

    /// Returns shared references to the elements in order.
    fn shared(&self) -> impl Iterator<Item = &Self::Item>;

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

            fn shared(&self) -> impl Iterator<Item = &T> {
                self.iter()
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
    #[doc(hidden)]
    const SEAL: Seal;

    /// The description of the elements.
    const ITEM: &'static Description;

    /// Saves the elements, at most `max`, each at its type's current version, or the parent's.
    ///
    /// # Errors
    /// Returns an error if there are more elements, or an element cannot be saved.
    fn save<S: Sink>(&mut self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// The reason why the elements cannot be saved through a shared reference, if one exists.
    const EXCLUSIVE: Option<&'static str>;

    /// Saves the elements through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`save`](Self::save).
    fn share<S: Sink>(&self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Replaces the elements with those in the stream, at most `max`, each loaded at `version`.
    ///
    /// The field determines the version, not the elements, as in `get_qtailq` of QEMU's
    /// `migration/vmstate-types.c`. The elements' type must support it.
    ///
    /// # Errors
    /// Returns an error if there are more elements, or an element cannot be loaded.
    fn load(&mut self, max: usize, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<L: List<Item: VmState + Default>> Structs for L {
    const SEAL: Seal = Seal;
    const ITEM: &'static Description = L::Item::DESCRIPTION;
    const EXCLUSIVE: Option<&'static str> = L::Item::EXCLUSIVE;

    fn save<S: Sink>(&mut self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        check_max(self.length(), max)?;
        let version = walk::nested_version(Self::ITEM, sink.out().version());
        save_each(self.items(), sink, at, |item, sink| walk::save(item, sink, version))
    }

    fn share<S: Sink>(&self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        check_max(self.length(), max)?;
        let version = walk::nested_version(Self::ITEM, sink.out().version());
        save_each(self.shared(), sink, at, |item, sink| walk::share(item, sink, version))
    }

    fn load(&mut self, max: usize, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        // A save writes the current version, which another version of the field cannot read.
        let version = if reader.is_checkpoint() { Self::ITEM.version } else { version };
        walk::check_version(Self::ITEM, version).map_err(|error| error.at_offset(reader.offset()))?;
        // QEMU appends to the existing list, which is empty on a fresh destination. Here the device may be in use.
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

fn save_each<T, S: Sink>(
    items: impl Iterator<Item = T>,
    sink: &mut S,
    at: FieldRef,
    save: impl Fn(T, &mut S) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    sink.begin_element(at, ElementIndex::ONLY);
    for (index, item) in items.enumerate() {
        sink.bytes(&[MORE]);
        save(item, sink).map_err(|error| error.in_element(index))?;
    }
    sink.bytes(&[END]);
    sink.end_element();
    Ok(())
}

/// Returns whether another element follows: any byte other than zero, as in QEMU's `get_qtailq`.
pub(super) fn more(reader: &mut Reader<'_>) -> Result<bool, LoadError> {
    Ok(reader.u8()? != END)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;

    /// A value of the versions 2 and 3, without bytes.
    #[derive(Default)]
    struct Empty;

    impl VmState for Empty {
        const DESCRIPTION: &'static Description = &Description::new("empty").versions(3, 2);

        fn share_fields<S: Sink>(&self, _: &mut S, _: u32) -> Result<(), SaveError> {
            Ok(())
        }

        fn load_fields(&mut self, _: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
            Ok(())
        }
    }

    #[test]
    fn unsupported_version_of_an_empty_list_is_rejected() {
        let mut list = Vec::<Empty>::new();
        let mut out = Writer::new();
        list.save(4, &mut out, crate::info::NOWHERE).unwrap();
        for (version, supported) in [(1, false), (2, true), (3, true), (4, false)] {
            let loaded = Structs::load(&mut list, 4, version, &mut Reader::from_slice(out.pending()));
            assert_eq!(loaded.is_ok(), supported, "version {version}");
        }
    }
}
