//! Bytes without meaning: QEMU's `unused_buffer`.

use alloc::format;

use super::int::fixed;
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// A member that stands for `N` bytes that are zero when saved and ignored when loaded.
///
/// For what older or newer versions of a device keep in that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Unused<const N: usize>;

fixed!({const N: usize} Unused<N>, "unused_buffer", N, {
    #[inline]
    fn put(&self, out: &mut [u8]) {
        out.fill(0);
    }
});

/// Saves `count` runs of `size` unused bytes, at most `max` (`VMSTATE_UNUSED_VARRAY_UINT32`).
///
/// # Errors
/// When there are more: nobody could load them.
pub fn save_counted<S: Sink>(
    count: usize,
    size: usize,
    max: usize,
    sink: &mut S,
    at: FieldRef,
) -> Result<(), SaveError> {
    if count > max {
        return Err(SaveError::out_of_range(format!("the count {count} is more than {max} (max = {max})")));
    }
    sink.out().reserve(count.saturating_mul(size)).fill(0);
    sink.fixed_array(at, count);
    Ok(())
}

/// Skips `count` runs of `size` unused bytes.
///
/// # Errors
/// When the stream ends before the last of them.
pub fn load_counted(count: usize, size: usize, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    // What is longer than any stream ends where the stream does.
    reader.skip(u64::try_from(count.saturating_mul(size)).unwrap_or(u64::MAX))
}
