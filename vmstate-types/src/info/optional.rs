//! Options as a `bool` and a value: `#[vmstate(option)]`.

use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// Saves whether `option` has a value.
///
/// # Errors
/// Never fails; other fields have the same signature.
pub fn save<T, S: Sink>(option: &Option<T>, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
    option.is_some().share_elements(sink, at, ElementIndex::ONLY)
}

/// Loads whether the option has a value.
///
/// # Errors
/// Returns an error if the stream is truncated, or the byte is neither 0 nor 1.
pub fn load(reader: &mut Reader<'_>) -> Result<bool, LoadError> {
    let start = reader.offset();
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        // A field of type `bool` accepts any byte, as in QEMU. This byte determines the layout of the rest.
        other => Err(LoadError::malformed("0 (no value) or 1 (a value)", other).at_offset(start)),
    }
}

/// Returns the value of `option`, or the value of `make`, which is stored in `absent`.
pub fn or_insert<'v, T>(option: &'v mut Option<T>, absent: &'v mut Option<T>, make: impl FnOnce() -> T) -> &'v mut T {
    match option {
        Some(value) => value,
        None => absent.get_or_insert_with(make),
    }
}

/// Returns the value of `option` as [`or_insert`] does, through a shared reference.
pub fn or_default<'v, T>(option: &'v Option<T>, absent: &'v mut Option<T>, make: impl FnOnce() -> T) -> &'v T {
    match option {
        Some(value) => value,
        None => absent.get_or_insert_with(make),
    }
}
