//! How single values stand on the wire: QEMU's `VMStateInfo`s, one file per family.
//!
//! Types that mean one thing on the wire (integers, `bool`, arrays of them) implement [`Wire`](crate::Wire). Where an
//! attribute chooses between several meanings, a marker type of this module stands for the meaning: an [`Info`] for one
//! value, or a [`Codec`] for what is more than one.

mod advice;
pub mod array;
pub mod bitmap;
#[doc(hidden)]
pub mod bits;
pub mod buffer;
pub mod bytes;
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

/// A wire form of one's own for values of `T`: what `#[vmstate(with = Type)]` names.
///
/// This is QEMU's `VMStateInfo` with its `get` and `put`. `T` can be any type, foreign ones included.
///
/// ```
/// use vmstate_types::{Info, LoadError, Reader, SaveError, VmState, Writer};
///
/// /// The AVR's eight status flags, which QEMU's machine keeps apart and its stream packs into a byte.
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
    /// The name in descriptions, as QEMU's `VMStateInfo.name`.
    const NAME: &'static str;

    /// The bytes that every value takes; `None` where that depends on the value.
    const SIZE: Option<usize> = None;

    /// Writes `value`.
    ///
    /// # Errors
    /// When the value cannot be written.
    fn put(value: &T, to: &mut Writer) -> Result<(), SaveError>;

    /// Reads what [`put`](Self::put) writes into `value`.
    ///
    /// # Errors
    /// When the bytes make no sense, or are not acceptable here and now.
    fn get(value: &mut T, from: &mut Reader<'_>) -> Result<(), LoadError>;

    /// Whether all values take [`SIZE`](Self::SIZE) bytes, all bytes are accepted, and the two functions below work:
    /// such fields are saved and loaded together with their neighbours.
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

/// A meaning of a field that is chosen by an attribute: any [`Info`], or [`Each`](array::Each) of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Info<{T}>`",
    label = "expected an info type for `{T}`",
    note = "`#[vmstate(with = {Self})]` requires `impl vmstate::Info<{T}> for {Self}`",
    note = "to encode each element of an array, write `with = Each<MyInfo>`"
)]
pub trait Codec<T: ?Sized> {
    /// What it is on the wire.
    const FORM: Form;

    /// The bytes it takes, if all values take the same, all bytes are accepted, and [`put`](Self::put) and
    /// [`get`](Self::get) work.
    const FIXED: Option<usize> = None;

    /// Writes the value into `out`, which is `FIXED` bytes long.
    #[inline]
    fn put(value: &T, out: &mut [u8]) {
        let _ = (value, out);
    }

    /// Reads the value from `from`, which is `FIXED` bytes long.
    #[inline]
    fn get(value: &mut T, from: &[u8]) {
        let _ = (value, from);
    }

    /// Writes the value into the first `FIXED` bytes of `out`, and lends the rest.
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

    /// Writes the value, which is `element` of the field `at`, or an array that stands in its place.
    ///
    /// # Errors
    /// When the value cannot be written.
    fn save<S: Sink>(value: &mut T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError>;

    /// Reads the value.
    ///
    /// # Errors
    /// When the bytes make no sense, or are not acceptable here and now.
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
        let start = reader.offset();
        I::get(value, reader).map_err(|error| error.at_offset(start))
    }
}
