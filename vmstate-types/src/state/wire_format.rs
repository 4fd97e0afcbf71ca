//! The trait of values with a built-in wire format.

use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::walk;
use crate::wire::Reader;

/// A type with a built-in wire format; fields of such a type need no attribute.
///
/// It is implemented for integers, floats, `bool`, atomics, arrays, boxes, cells and locks of them, and by
/// `#[derive(VmState)]` for structs, newtypes and enums. Its methods are hidden: they belong to the derive macro and
/// can change in any release. For a custom wire format, implement [`Info`](crate::Info).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no wire form",
    label = "expected a type that implements `Wire`",
    note = "for a type of this crate, add `#[derive(VmState)]` to it",
    note = "for `usize`, or an array or counted collection of it, add `#[vmstate(wire = u32)]` to the field; inside of other types, use an integer of fixed size, such as `u32`, or add the form, such as `with = Sequence<N, As<u32>>`, `Pair<Plain, As<u32>>` or `Ends<As<u32>>`",
    note = "for a tuple of more than six members, use a struct",
    note = "for a collection of another crate, add `#[vmstate(with = vmstate::info::Sequence<N>)]`",
    note = "for a custom encoding, add `#[vmstate(with = MyInfo)]`, where `MyInfo` implements `vmstate::Info`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait Wire {
    /// The wire format of the type.
    const FORM: Form;

    /// The wire format of a value that must be equal on both sides: QEMU has an info for some integers.
    #[doc(hidden)]
    const EQUAL: Form = Self::FORM;

    /// The size in bytes, if it is the same for all values, all bytes are valid, and [`put`](Self::put) and
    /// [`get`](Self::get) are implemented.
    #[doc(hidden)]
    const FIXED: Option<usize> = None;

    /// Writes the value into `out`, which is `FIXED` bytes long.
    #[doc(hidden)]
    #[inline]
    fn put(&self, out: &mut [u8]) {
        let _ = out;
    }

    /// Reads the value from `from`, which is `FIXED` bytes long.
    #[doc(hidden)]
    #[inline]
    fn get(&mut self, from: &[u8]) {
        let _ = from;
    }

    /// Writes the value into the first `FIXED` bytes of `out`, and returns the rest.
    #[doc(hidden)]
    #[inline]
    fn put_front<'o>(&self, out: &'o mut [u8]) -> &'o mut [u8] {
        let (front, rest) = out.split_at_mut(const { walk::fixed_size(Self::FIXED) });
        self.put(front);
        rest
    }

    /// Reads the value from the first `FIXED` bytes of `from`, and returns the rest.
    #[doc(hidden)]
    #[inline]
    fn get_front<'f>(&mut self, from: &'f [u8]) -> &'f [u8] {
        let (front, rest) = from.split_at(const { walk::fixed_size(Self::FIXED) });
        self.get(front);
        rest
    }

    /// Writes `values` in order into `out`, which is `FIXED` bytes long for each.
    #[doc(hidden)]
    #[inline]
    fn put_all(values: &[Self], out: &mut [u8])
    where
        Self: Sized,
    {
        // `max(1)`: chunks of zero bytes would panic, and a value without bytes has nothing to write.
        for (value, out) in values.iter().zip(out.chunks_exact_mut(Self::FIXED.unwrap_or(1).max(1))) {
            value.put(out);
        }
    }

    /// Reads `values` in order from `from`, which is `FIXED` bytes long for each.
    #[doc(hidden)]
    #[inline]
    fn get_all(values: &mut [Self], from: &[u8])
    where
        Self: Sized,
    {
        for (value, from) in values.iter_mut().zip(from.chunks_exact(Self::FIXED.unwrap_or(1).max(1))) {
            value.get(from);
        }
    }

    /// Writes the value, which is `element` of the field `at`. An array writes several elements in its place.
    ///
    /// # Errors
    /// Returns an error if the value does not fit its wire type, or a struct's hook fails.
    #[doc(hidden)]
    fn save_elements<S: Sink>(&mut self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        self.share_elements(sink, at, element)
    }

    /// The reason why the value cannot be saved through a shared reference, if one exists.
    #[doc(hidden)]
    const EXCLUSIVE: Option<&'static str> = None;

    /// Writes the value through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::save_elements`].
    #[doc(hidden)]
    fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError>;

    /// Reads the value.
    ///
    /// # Errors
    /// Returns an error if the bytes do not match the wire format, or a struct's hook fails.
    #[doc(hidden)]
    fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}
