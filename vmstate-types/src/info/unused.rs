//! Unused bytes: QEMU's `unused_buffer`.

use alloc::format;

use super::int::fixed;
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// A placeholder for `N` bytes that are saved as zeros and ignored by a load.
///
/// Use it for fields of older or newer versions of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Unused<const N: usize>;

fixed!({const N: usize} Unused<N>, "unused_buffer", N, {
    #[inline]
    fn put(&self, out: &mut [u8]) {
        out.fill(0);
    }
});

/// Saves `count` times `size` unused bytes, with a count of at most `max` (`VMSTATE_UNUSED_VARRAY_UINT32`).
///
/// # Errors
/// Returns an error if the count exceeds `max`: the state could not be loaded.
pub fn save_counted<S: Sink>(
    count: usize,
    size: usize,
    max: usize,
    sink: &mut S,
    at: FieldRef,
) -> Result<(), SaveError> {
    if count > max {
        return Err(SaveError::out_of_range(format!("expected a count of at most {max} (max = {max}), found {count}")));
    }
    sink.reserve(count.saturating_mul(size)).fill(0);
    sink.fixed_array(at, count);
    Ok(())
}

/// Skips `count` times `size` unused bytes.
///
/// # Errors
/// Returns an error if the stream is truncated.
pub fn load_counted(count: usize, size: usize, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    // On overflow, the saturated length exceeds any stream, so that the skip fails as truncated.
    reader.skip(u64::try_from(count.saturating_mul(size)).unwrap_or(u64::MAX))
}
