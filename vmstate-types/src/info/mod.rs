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
mod checked;
mod codec;
pub mod collection;
mod container;
pub mod convert;
pub mod ends;
pub mod equal;
pub mod float;
mod foreign;
#[doc(hidden)]
pub mod hidden;
pub mod inline;
pub mod int;
#[doc(hidden)]
pub mod items;
pub mod list;
pub mod map;
pub mod maybe;
mod members;
#[doc(hidden)]
pub mod opaque;
#[doc(hidden)]
pub mod optional;
#[doc(hidden)]
pub mod part;
#[doc(hidden)]
pub mod place;
pub mod plain;
pub mod pointer;
pub mod range;
mod sealed;
pub mod sequence;
#[cfg(test)]
mod tests;
pub mod text;
#[doc(hidden)]
pub mod through;
pub mod timer;
pub mod tmp;
pub mod tree;
mod tuple;
pub mod unused;
#[doc(hidden)]
pub mod variant;
#[doc(hidden)]
pub mod varray;
#[doc(hidden)]
pub mod versioned;
mod wide;
mod wrapper;

pub use codec::Codec;
pub use collection::Collection;
pub use convert::As;
pub use ends::Ends;
pub use map::{KeyedCollection, Map};
pub use maybe::{Maybe, Pair};
pub use plain::Plain;
pub use sequence::Sequence;
pub use text::Text;

use crate::description::{Description, Form};
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
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
    note = "to encode each element of an array, write `with = Each<MyInfo>`",
    note = "`Maybe` requires an `Option`, `Pair` a tuple of two values, `Ends` a range, `Boxed` a `Box`; for text, use `Text`"
)]
pub trait Info<T: ?Sized> {
    /// The name in descriptions: QEMU's `VMStateInfo.name`.
    const NAME: &'static str;

    /// The size in bytes; `None` if it depends on the value.
    const SIZE: Option<usize> = None;

    /// Writes `value`.
    ///
    /// A load also calls it for the checkpoint that a rollback restores ([`Writer::is_checkpoint`]), even if the field's
    /// `when` predicate does not hold.
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

    /// Writes `values` in order into `out`, which has `SIZE` bytes for each.
    #[doc(hidden)]
    #[inline]
    fn put_all(values: &[T], out: &mut [u8])
    where
        T: Sized,
    {
        // `max(1)`: chunks of zero bytes would panic, and a value without bytes has nothing to write.
        for (value, out) in values.iter().zip(out.chunks_exact_mut(Self::SIZE.unwrap_or(1).max(1))) {
            Self::put_fixed(value, out);
        }
    }

    /// Reads `values` in order from `from`, which has `SIZE` bytes for each.
    #[doc(hidden)]
    #[inline]
    fn get_all(values: &mut [T], from: &[u8])
    where
        T: Sized,
    {
        for (value, from) in values.iter_mut().zip(from.chunks_exact(Self::SIZE.unwrap_or(1).max(1))) {
            Self::get_fixed(value, from);
        }
    }

    /// The wire format, for infos of this crate that are more than one value.
    #[doc(hidden)]
    const FORM: Form = Form::info(Self::NAME, Self::SIZE);

    /// Writes the value, which is `element` of the field `at`.
    ///
    /// # Errors
    /// Returns the same errors as [`put`](Self::put).
    #[doc(hidden)]
    fn save_elements<S: Sink>(
        value: &mut T,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        Self::share_elements(value, sink, at, element)
    }

    /// The reason why the value cannot be saved through a shared reference, if one exists.
    #[doc(hidden)]
    const EXCLUSIVE: Option<&'static str> = None;

    /// Writes the value through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`put`](Self::put).
    #[doc(hidden)]
    fn share_elements<S: Sink>(value: &T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        sink.begin_element(at, element);
        match Self::SIZE {
            // Without a detour through the writer, which a slice does not have.
            Some(size) if Self::FIXED => Self::put_fixed(value, sink.reserve(size)),
            _ => Self::put(value, sink.out())?,
        }
        sink.end_element();
        Ok(())
    }

    /// Reads the value.
    ///
    /// # Errors
    /// Returns the same errors as [`get`](Self::get).
    #[doc(hidden)]
    fn load_elements(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        // Custom infos rarely set an offset. The start of the value is a good default for them.
        let start = reader.offset();
        Self::get(value, reader).map_err(|error| error.at_offset(start))
    }
}

/// Implements `put` and `get` of infos that consist of several fields.
///
/// Their hidden methods are the implementation. A struct inside of them may have hooks that need exclusive access, which
/// `put` does not have.
macro_rules! several_fields {
    ($value:ty) => {
        fn put(value: &$value, to: &mut Writer) -> Result<(), SaveError> {
            <Self as Info<$value>>::share_elements(value, to, $crate::info::NOWHERE, ElementIndex::ONLY)
        }

        fn get(value: &mut $value, from: &mut Reader<'_>) -> Result<(), LoadError> {
            <Self as Info<$value>>::load_elements(value, from)
        }
    };
}
use several_fields;

/// The place of a value that is not a field. Only a sink that records fields needs another one.
const NOWHERE: FieldRef = FieldRef::new(const { &Description::new("") }, 0);
