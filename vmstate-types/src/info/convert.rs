//! Numbers with different types in memory and on the wire: `#[vmstate(wire = u32)]`.

use core::marker::PhantomData;

use alloc::format;
use core::fmt::Debug;

use super::Info;
use crate::description::Kind;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::{Reader, Writer};

/// Converts a value to and from a `W` on the wire. Values out of range are errors in both directions.
#[derive(Debug)]
pub struct As<W>(PhantomData<W>);

/// A type whose values can be converted to a `W` if they are in its range.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be converted to `{W}`",
    label = "expected an integer or `bool`",
    note = "`wire` stores an integer or a `bool` as an integer of fixed size",
    note = "for a `char`, remove the attribute: its form is a `u32`",
    note = "the integer of an enum is an attribute of the enum, `#[vmstate(repr = {W})]`"
)]
pub trait StoreAs<W>: Debug + Sized {
    /// Converts the value to the wire type, if it is in range.
    fn to_wire(&self) -> Option<W>;

    /// Converts a value of the wire type, if it is valid.
    fn from_wire(wire: W) -> Option<Self>;
}

macro_rules! conversions {
    ($wire:ident: $($memory:ident)*) => {
        $(
            impl StoreAs<$wire> for $memory {
                fn to_wire(&self) -> Option<$wire> {
                    (*self).try_into().ok()
                }

                fn from_wire(wire: $wire) -> Option<Self> {
                    wire.try_into().ok()
                }
            }
        )*

        impl StoreAs<$wire> for bool {
            fn to_wire(&self) -> Option<$wire> {
                Some((*self).into())
            }

            fn from_wire(wire: $wire) -> Option<Self> {
                match wire {
                    0 => Some(false),
                    1 => Some(true),
                    _ => None,
                }
            }
        }
    };
}

conversions!(u8: u16 u32 u64 usize i8 i16 i32 i64 isize u128 i128);
conversions!(u16: u8 u32 u64 usize i8 i16 i32 i64 isize u128 i128);
conversions!(u32: u8 u16 u64 usize i8 i16 i32 i64 isize u128 i128);
conversions!(u64: u8 u16 u32 usize i8 i16 i32 i64 isize u128 i128);
conversions!(i8: u8 u16 u32 u64 usize i16 i32 i64 isize u128 i128);
conversions!(i16: u8 u16 u32 u64 usize i8 i32 i64 isize u128 i128);
conversions!(i32: u8 u16 u32 u64 usize i8 i16 i64 isize u128 i128);
conversions!(i64: u8 u16 u32 u64 usize i8 i16 i32 isize u128 i128);

impl<T: StoreAs<W>, W: Wire + Default + Debug + Copy> Info<T> for As<W> {
    const NAME: &'static str = match W::FORM.kind {
        Kind::Info(name) => name,
        _ => "",
    };
    const SIZE: Option<usize> = W::FIXED;
    // FIXED is not set: a run does not validate its values.

    fn put(value: &T, to: &mut Writer) -> Result<(), SaveError> {
        Self::to_wire(value)?.put(to.reserve(W::FIXED.unwrap_or(0)));
        Ok(())
    }

    fn get(value: &mut T, from: &mut Reader<'_>) -> Result<(), LoadError> {
        let mut wire = W::default();
        wire.get(from.take(W::FIXED.unwrap_or(0))?);
        *value = T::from_wire(wire).ok_or_else(|| {
            LoadError::malformed(format!("a value that fits `{}`", core::any::type_name::<T>()), format!("{wire:?}"))
        })?;
        Ok(())
    }

    fn share_elements<S: Sink>(value: &T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        Self::to_wire(value)?.share_elements(sink, at, element)
    }
}

impl<W: Wire> As<W> {
    fn to_wire<T: StoreAs<W>>(value: &T) -> Result<W, SaveError> {
        let wire = value.to_wire();
        wire.ok_or_else(|| SaveError::out_of_range(format!("{value:?} does not fit its wire type {}", Self::name())))
    }

    fn name() -> &'static str {
        core::any::type_name::<W>()
    }
}
