//! The trait of all formats that an attribute can select.

use super::Info;
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::walk;
use crate::wire::Reader;

/// A wire format that an attribute selects: any [`Info`], or [`Each`](super::array::Each) of one.
///
/// Implement [`Info`] instead. The methods are hidden: they belong to the derive macro and can change in any release.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Info<{T}>`",
    label = "expected an info type for `{T}`",
    note = "`#[vmstate(with = {Self})]` requires `impl vmstate::Info<{T}> for {Self}`",
    note = "to encode each element of an array, write `with = Each<MyInfo>`",
    note = "`Maybe` requires an `Option`, `Pair` a tuple of two values, `Ends` a range, `Boxed` a `Box`; for text, use `Text`"
)]
pub trait Codec<T: ?Sized> {
    /// The wire format.
    const FORM: Form;

    /// The size in bytes, if it is the same for all values, all bytes are valid, and [`put`](Self::put) and
    /// [`get`](Self::get) are implemented.
    #[doc(hidden)]
    const FIXED: Option<usize> = None;

    /// Writes the value into `out`, which is `FIXED` bytes long.
    #[doc(hidden)]
    #[inline]
    fn put(value: &T, out: &mut [u8]) {
        let _ = (value, out);
    }

    /// Reads the value from `from`, which is `FIXED` bytes long.
    #[doc(hidden)]
    #[inline]
    fn get(value: &mut T, from: &[u8]) {
        let _ = (value, from);
    }

    /// Writes the value into the first `FIXED` bytes of `out`, and returns the rest.
    #[doc(hidden)]
    #[inline]
    fn put_front<'o>(value: &T, out: &'o mut [u8]) -> &'o mut [u8] {
        let (front, rest) = out.split_at_mut(const { walk::fixed_size(Self::FIXED) });
        Self::put(value, front);
        rest
    }

    /// Reads the value from the first `FIXED` bytes of `from`, and returns the rest.
    #[doc(hidden)]
    #[inline]
    fn get_front<'f>(value: &mut T, from: &'f [u8]) -> &'f [u8] {
        let (front, rest) = from.split_at(const { walk::fixed_size(Self::FIXED) });
        Self::get(value, front);
        rest
    }

    /// Writes `values` in order into `out`, which has `FIXED` bytes for each.
    #[doc(hidden)]
    #[inline]
    fn put_all(values: &[T], out: &mut [u8])
    where
        T: Sized,
    {
        // `max(1)`: chunks of zero bytes would panic, and a value without bytes has nothing to write.
        for (value, out) in values.iter().zip(out.chunks_exact_mut(Self::FIXED.unwrap_or(1).max(1))) {
            Self::put(value, out);
        }
    }

    /// Reads `values` in order from `from`, which has `FIXED` bytes for each.
    #[doc(hidden)]
    #[inline]
    fn get_all(values: &mut [T], from: &[u8])
    where
        T: Sized,
    {
        for (value, from) in values.iter_mut().zip(from.chunks_exact(Self::FIXED.unwrap_or(1).max(1))) {
            Self::get(value, from);
        }
    }

    /// Writes the value, which is `element` of the field `at`. An array writes several elements in its place.
    ///
    /// # Errors
    /// Returns an error if the value has no representation on the wire.
    #[doc(hidden)]
    #[inline]
    fn save<S: Sink>(value: &mut T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        Self::share(value, sink, at, element)
    }

    /// The reason why the value cannot be saved through a shared reference, if one exists.
    #[doc(hidden)]
    const EXCLUSIVE: Option<&'static str> = None;

    /// Writes the value through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`save`](Self::save).
    #[doc(hidden)]
    fn share<S: Sink>(value: &T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError>;

    /// Reads the value.
    ///
    /// # Errors
    /// Returns an error if the bytes are invalid, or the device rejects the value.
    #[doc(hidden)]
    fn load(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<T: ?Sized, I: Info<T>> Codec<T> for I {
    const FORM: Form = <I as Info<T>>::FORM;
    const FIXED: Option<usize> = if I::FIXED { I::SIZE } else { None };
    const EXCLUSIVE: Option<&'static str> = <I as Info<T>>::EXCLUSIVE;

    #[inline]
    fn put(value: &T, out: &mut [u8]) {
        I::put_fixed(value, out);
    }

    #[inline]
    fn get(value: &mut T, from: &[u8]) {
        I::get_fixed(value, from);
    }

    #[inline]
    fn put_all(values: &[T], out: &mut [u8])
    where
        T: Sized,
    {
        I::put_all(values, out);
    }

    #[inline]
    fn get_all(values: &mut [T], from: &[u8])
    where
        T: Sized,
    {
        I::get_all(values, from);
    }

    #[inline]
    fn save<S: Sink>(value: &mut T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        // A value of fixed size cannot be rejected, and has the same bytes as in a run or in an array.
        if const { I::FIXED } {
            return I::save_elements(value, sink, at, element);
        }
        walk::save_isolated(sink, |sink| I::save_elements(value, sink, at, element))
    }

    #[inline]
    fn share<S: Sink>(value: &T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        if const { I::FIXED } {
            return I::share_elements(value, sink, at, element);
        }
        walk::save_isolated(sink, |sink| I::share_elements(value, sink, at, element))
    }

    #[inline]
    fn load(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        if const { I::FIXED } {
            return I::load_elements(value, reader);
        }
        walk::load_isolated(reader, |reader| I::load_elements(value, reader))
    }
}
