//! Sets of flags that are integers on the wire: `#[vmstate(bits = u32)]`.
//!
//! The types do not implement a trait of this crate: generated code calls their methods `bits()` and `from_bits()`,
//! which the crate `bitflags` and others generate.

use alloc::format;
use core::fmt::LowerHex;

use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::walk;
use crate::wire::Reader;

/// Saves `sets`, a single value or an array, as the integers that `bits` returns.
///
/// # Errors
/// Returns an error if an integer cannot be saved.
pub fn save<T, W, S>(sets: &[T], bits: impl Fn(&T) -> W, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    W: Wire,
    S: Sink,
{
    for (index, set) in sets.iter().enumerate() {
        save_bits(bits(set), sink, at, ElementIndex::new(index, sets.len()))?;
    }
    Ok(())
}

/// Saves the integer of a set, which is `element` of the field `at`.
///
/// # Errors
/// Returns an error if the integer cannot be saved.
pub fn save_bits<W: Wire, S: Sink>(
    mut bits: W,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
) -> Result<(), SaveError> {
    // Isolated, because a load rejects bits without a flag, which a set can have.
    walk::save_isolated(sink, |sink| bits.save_elements(sink, at, element))
}

/// Loads a set from an integer with `from_bits`.
///
/// `bits` only determines the integer's type, so that a mismatch with the wire type is reported once, at the save.
///
/// # Errors
/// Returns an error if the stream is truncated, or the set has no flag for a bit.
pub fn load<T, W>(
    set: &mut T,
    _bits: impl Fn(&T) -> W,
    from_bits: impl Fn(W) -> Option<T>,
    reader: &mut Reader<'_>,
) -> Result<(), LoadError>
where
    W: Wire + Default + Copy + LowerHex,
{
    walk::load_isolated(reader, |reader| load_set(set, from_bits, reader))
}

fn load_set<T, W>(set: &mut T, from_bits: impl Fn(W) -> Option<T>, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    W: Wire + Default + Copy + LowerHex,
{
    let start = reader.offset();
    let mut bits = W::default();
    bits.load_elements(reader)?;
    *set = from_bits(bits).ok_or_else(|| {
        let expected = format!("only bits of `{}`", core::any::type_name::<T>());
        LoadError::malformed(expected, format!("{bits:#x}")).at_offset(start)
    })?;
    Ok(())
}

/// Loads the sets of an array.
///
/// # Errors
/// Returns the same errors as [`load`].
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
