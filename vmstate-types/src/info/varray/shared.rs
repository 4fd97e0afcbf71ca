//! Saves of counted arrays through a shared reference.
//!
//! The items are in two parts, because a `VecDeque` cannot make them contiguous.

use super::count_mismatch;
use crate::error::SaveError;
use crate::info::Codec;
use crate::info::container::{self, Counted};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::walk;

/// Saves the first `count` items through a shared reference.
///
/// # Errors
/// Returns the same errors as [`save`](super::save).
pub(in crate::info) fn share<C, S>(items: &C, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    C: Counted<Item: Wire>,
    S: Sink,
{
    let parts = shared(items, count, sink)?;
    if const { C::Item::FIXED.is_some() } {
        return share_fixed(parts, sink, |sink, count| sink.fixed_array(at, count));
    }
    share_each(parts, 0, |item, element| item.share_elements(sink, at, element))
}

/// Saves the first `count` items with the info `I` through a shared reference.
///
/// # Errors
/// Returns the same errors as [`save_with`](super::save_with).
pub(in crate::info) fn share_with<I, C, S>(items: &C, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    C: Counted,
    I: Codec<C::Item>,
    S: Sink,
{
    share_each(shared(items, count, sink)?, 0, |item, element| I::share(item, sink, at, element))
}

/// Saves the first `count` bytes as one buffer, through a shared reference.
///
/// # Errors
/// Returns the same errors as [`save_buffer`](super::save_buffer).
pub(in crate::info) fn share_buffer<C, S>(bytes: &C, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    C: Counted<Item = u8>,
    S: Sink,
{
    let parts = shared(bytes, count, sink)?;
    share_bytes(parts, sink, at);
    Ok(())
}

/// Saves the bytes of both parts as one buffer.
pub(in crate::info) fn share_bytes<S: Sink>(parts: [&[u8]; 2], sink: &mut S, at: FieldRef) {
    sink.begin_element(at, ElementIndex::ONLY);
    parts.into_iter().for_each(|part| sink.bytes(part));
    sink.end_element();
}

fn shared<'c, C: Counted, S: Sink>(items: &'c C, count: usize, sink: &mut S) -> Result<[&'c [C::Item]; 2], SaveError> {
    container::to_share(items, count, sink).ok_or_else(|| count_mismatch(count))
}

/// Saves items of fixed size at once, and notifies the sink with their number.
pub(in crate::info) fn share_fixed<T: Wire, S: Sink>(
    parts: [&[T]; 2],
    sink: &mut S,
    notify: impl FnOnce(&mut S, usize),
) -> Result<(), SaveError> {
    let size = const { walk::fixed_size(T::FIXED) };
    for part in parts {
        T::put_all(part, sink.reserve(size.saturating_mul(part.len())));
    }
    notify(sink, parts[0].len() + parts[1].len());
    Ok(())
}

/// Saves items one by one, of which the first one has the index `start` in errors.
pub(in crate::info) fn share_each<T>(
    parts: [&[T]; 2],
    start: usize,
    mut save: impl FnMut(&T, ElementIndex) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    let count = parts[0].len() + parts[1].len();
    for (index, item) in parts.into_iter().flatten().enumerate() {
        save(item, ElementIndex::new(index, count)).map_err(|error| error.in_element(start + index))?;
    }
    Ok(())
}
