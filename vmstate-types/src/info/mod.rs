//! Wire formats of single values: QEMU's `VMStateInfo`s, one file per family.
//!
//! Types with a single wire format (integers, `bool`, arrays of them) implement [`Wire`](crate::Wire). Where an
//! attribute selects one of several formats, a marker type of this module represents it: an [`Info`] for a value, or a
//! [`Codec`] for several elements.

mod advice;
pub mod array;
pub mod bitmap;
#[doc(hidden)]
pub mod bits;
pub mod buffer;
pub mod bytes;
mod container;
pub mod convert;
pub mod equal;
pub mod float;
#[doc(hidden)]
pub mod hidden;
pub mod int;
#[doc(hidden)]
pub mod items;
pub mod list;
#[doc(hidden)]
pub mod opaque;
#[doc(hidden)]
pub mod part;
#[doc(hidden)]
pub mod place;
pub mod pointer;
pub mod range;
mod sealed;
pub mod timer;
pub mod tmp;
pub mod tree;
pub mod unused;
#[doc(hidden)]
pub mod varray;
#[doc(hidden)]
pub mod versioned;
mod wrapper;

use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::walk;
use crate::wire::{Reader, Writer};

/// A custom wire format for values of `T`, selected by `#[vmstate(with = Type)]`.
///
/// It corresponds to QEMU's `VMStateInfo` with its `get` and `put`. `T` can be any type, including foreign ones.
///
/// ```
/// use vmstate_types::{Info, LoadError, Reader, SaveError, VmState, Writer};
///
/// /// The eight status flags of an AVR CPU, which QEMU stores separately and packs into a byte of the stream.
/// struct Sreg;
///
/// impl Info<[bool; 8]> for Sreg {
///     const NAME: &'static str = "sreg";
///
///     fn put(flags: &[bool; 8], to: &mut Writer) -> Result<(), SaveError> {
///         to.u8(flags.iter().rev().fold(0, |byte, &flag| byte << 1 | u8::from(flag)));
///         Ok(())
///     }
///
///     fn get(flags: &mut [bool; 8], from: &mut Reader<'_>) -> Result<(), LoadError> {
///         let byte = from.u8()?;
///         *flags = std::array::from_fn(|bit| byte >> bit & 1 == 1);
///         Ok(())
///     }
/// }
///
/// #[derive(VmState, Default)]
/// struct Cpu {
///     #[vmstate(with = Sreg)]
///     flags: [bool; 8],
/// }
///
/// let mut writer = Writer::new();
/// Cpu { flags: [true, false, false, false, false, false, false, true] }.save(&mut writer)?;
/// assert_eq!(writer.pending(), [0x81]);
/// # Ok::<(), SaveError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Info<{T}>`",
    label = "expected an info type for `{T}`",
    note = "`#[vmstate(with = {Self})]` requires `impl vmstate::Info<{T}> for {Self}`",
    note = "to encode each element of an array, write `with = Each<MyInfo>`"
)]
pub trait Info<T: ?Sized> {
    /// The name in descriptions: QEMU's `VMStateInfo.name`.
    const NAME: &'static str;

    /// The size in bytes; `None` if it depends on the value.
    const SIZE: Option<usize> = None;

    /// Writes `value`.
    ///
    /// # Errors
    /// Returns an error if the value has no representation on the wire.
    fn put(value: &T, to: &mut Writer) -> Result<(), SaveError>;

    /// Reads `value`.
    ///
    /// # Errors
    /// Returns an error if the bytes are invalid, or the device rejects the value.
    fn get(value: &mut T, from: &mut Reader<'_>) -> Result<(), LoadError>;

    /// Set if all values have [`SIZE`](Self::SIZE) bytes, all bytes are valid, and the two functions below are
    /// implemented. Such fields become part of a run.
    #[doc(hidden)]
    const FIXED: bool = false;

    /// Writes `value` into `out`, which has `SIZE` bytes.
    #[doc(hidden)]
    #[inline]
    fn put_fixed(value: &T, out: &mut [u8]) {
        let _ = (value, out);
    }

    /// Reads `value` from `from`, which has `SIZE` bytes.
    #[doc(hidden)]
    #[inline]
    fn get_fixed(value: &mut T, from: &[u8]) {
        let _ = (value, from);
    }
}

/// A wire format that an attribute selects: any [`Info`], or [`Each`](array::Each) of one.
///
/// Implement [`Info`] instead. The methods are hidden: they belong to the derive macro and can change in any release.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Info<{T}>`",
    label = "expected an info type for `{T}`",
    note = "`#[vmstate(with = {Self})]` requires `impl vmstate::Info<{T}> for {Self}`",
    note = "to encode each element of an array, write `with = Each<MyInfo>`"
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

    /// Writes the value, which is `element` of the field `at`. An array writes several elements in its place.
    ///
    /// # Errors
    /// Returns an error if the value has no representation on the wire.
    #[doc(hidden)]
    fn save<S: Sink>(value: &mut T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError>;

    /// Reads the value.
    ///
    /// # Errors
    /// Returns an error if the bytes are invalid, or the device rejects the value.
    #[doc(hidden)]
    fn load(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<T: ?Sized, I: Info<T>> Codec<T> for I {
    const FORM: Form = Form::info(I::NAME, I::SIZE);
    const FIXED: Option<usize> = if I::FIXED { I::SIZE } else { None };

    #[inline]
    fn put(value: &T, out: &mut [u8]) {
        I::put_fixed(value, out);
    }

    #[inline]
    fn get(value: &mut T, from: &[u8]) {
        I::get_fixed(value, from);
    }

    fn save<S: Sink>(value: &mut T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        sink.begin_element(at, element);
        I::put(value, sink.out())?;
        sink.end_element();
        Ok(())
    }

    fn load(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        // Custom infos rarely set an offset. The start of the value is a good default for them.
        let start = reader.offset();
        I::get(value, reader).map_err(|error| error.at_offset(start))
    }
}
