//! Bytes without meaning: QEMU's `unused_buffer`.

use alloc::format;

use super::int::fixed;
use super::varray::{CountField, limited};
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{At, Element, Sink};
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

/// How many runs of unused bytes a sibling field says there are, at most `max`.
///
/// # Errors
/// When it is negative or more.
pub fn count_to_save(field: &impl CountField, max: usize) -> Result<usize, SaveError> {
    let count = field.count().filter(|count| *count <= max);
    count.ok_or_else(|| SaveError::new(format!("the count {} is not one from 0 to {max}", field.shown())))
}

/// How many runs of unused bytes a sibling field says there are, at most `max`.
///
/// # Errors
/// When it is negative or more.
pub fn count_to_load(field: &impl CountField, max: usize) -> Result<usize, LoadError> {
    limited(None, field, 1, Some(max))
}

/// Saves `count` runs of `size` unused bytes (`VMSTATE_UNUSED_VARRAY_UINT32`).
///
/// # Errors
/// None.
pub fn save_counted<S: Sink>(count: usize, size: usize, sink: &mut S, at: At) -> Result<(), SaveError> {
    sink.out().claim(count.saturating_mul(size)).fill(0);
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
