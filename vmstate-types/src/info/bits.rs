//! Sets of flags that are integers on the wire: `#[vmstate(bits = u32)]`.
//!
//! The types need no trait of this crate: generated code calls their `bits()` and `from_bits()`, as the crate `bitflags`
//! and others write them.

use alloc::format;
use core::fmt::LowerHex;

use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// Saves `sets`, which are one value or an array's, as the integers that `bits` makes of them.
///
/// # Errors
/// None of its own.
pub fn save<T, W, S>(sets: &[T], bits: impl Fn(&T) -> W, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    W: Wire,
    S: Sink,
{
    for (index, set) in sets.iter().enumerate() {
        let element = ElementIndex::new(index, sets.len());
        bits(set).save_elements(sink, at, element)?;
    }
    Ok(())
}

/// Loads one set from an integer, by what `from_bits` makes of it.
///
/// The integer is of the type that `bits` returns, so that saving alone says that it must be the one on the wire.
///
/// # Errors
/// When the stream ends, or the set has no flag for a bit.
pub fn load<T, W>(
    set: &mut T,
    _bits: impl Fn(&T) -> W,
    from_bits: impl Fn(W) -> Option<T>,
    reader: &mut Reader<'_>,
) -> Result<(), LoadError>
where
    W: Wire + Default + Copy + LowerHex,
{
    let start = reader.offset();
    let mut bits = W::default();
    bits.load_elements(reader)?;
    *set = from_bits(bits).ok_or_else(|| {
        let expected = format!("bits that `{}` knows", core::any::type_name::<T>());
        LoadError::malformed(expected, format!("{bits:#x}")).at_offset(start)
    })?;
    Ok(())
}

/// Loads the sets of an array, each as [`load`] does.
///
/// # Errors
/// Those of [`load`].
pub fn load_each<T, W>(
    sets: &mut [T],
    bits: impl Fn(&T) -> W,
    from_bits: impl Fn(W) -> Option<T>,
    reader: &mut Reader<'_>,
) -> Result<(), LoadError>
where
    W: Wire + Default + Copy + LowerHex,
{
    for (index, set) in sets.iter_mut().enumerate() {
        load(set, &bits, &from_bits, reader).map_err(|error| error.in_element(index))?;
    }
    Ok(())
}
