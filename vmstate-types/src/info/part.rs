//! Parts of arrays: QEMU's `VMSTATE_SUB_ARRAY` and its partial buffers.
//!
//! The range is checked at compile time. Items outside of it are neither saved nor changed.

use super::container::Counted;
use super::{Codec, varray};
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::walk;
use crate::wire::Reader;

/// Returns the number of items from `start` to `end` of an array of `capacity` items.
///
/// # Panics
/// Panics at compile time if the range is empty or out of bounds, or the container grows.
#[must_use]
pub const fn length(capacity: Option<usize>, start: usize, end: usize) -> usize {
    let Some(capacity) = capacity else { panic!("`range` requires an array; this collection grows") };
    assert!(start < end, "empty range: the end must be greater than the start");
    assert!(end <= capacity, "range out of bounds: the array is shorter");
    end - start
}

/// Saves the items from `start` to `end` in their built-in format.
///
/// # Errors
/// Returns an error if an item cannot be saved.
pub(super) fn save<C, S>(items: &mut C, start: usize, end: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    C: Counted<Item: Wire>,
    S: Sink,
{
    let items = items.grow(start, end);
    if const { C::Item::FIXED.is_some() } {
        let size = const { walk::fixed_size(C::Item::FIXED) };
        C::Item::put_all(items, sink.reserve(size.saturating_mul(items.len())));
        sink.fixed(at.parent, at.field..at.field + 1);
        return Ok(());
    }
    save_each(items, start, |item, element| item.save_elements(sink, at, element))
}

/// Saves the items from `start` to `end` with the info `I`.
///
/// # Errors
/// Returns an error if an item cannot be saved.
pub(super) fn save_with<I, C, S>(
    items: &mut C,
    start: usize,
    end: usize,
    sink: &mut S,
    at: FieldRef,
) -> Result<(), SaveError>
where
    C: Counted,
    I: Codec<C::Item>,
    S: Sink,
{
    save_each(items.grow(start, end), start, |item, element| I::save(item, sink, at, element))
}

/// Saves the bytes from `start` to `end` as one buffer.
///
/// # Errors
/// Never fails; the other functions have the same signature.
pub(super) fn save_buffer<C, S>(
    bytes: &mut C,
    start: usize,
    end: usize,
    sink: &mut S,
    at: FieldRef,
) -> Result<(), SaveError>
where
    C: Counted<Item = u8>,
    S: Sink,
{
    sink.begin_element(at, ElementIndex::ONLY);
    sink.bytes(bytes.grow(start, end));
    sink.end_element();
    Ok(())
}

/// Saves the items from `start` to `end` through a shared reference.
///
/// # Errors
/// Returns an error if an item cannot be saved.
pub(super) fn share<C, S>(items: &C, start: usize, end: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    C: Counted<Item: Wire>,
    S: Sink,
{
    let part = between(items, start, end);
    if const { C::Item::FIXED.is_some() } {
        return varray::share_fixed(part, sink, |sink, _| sink.fixed(at.parent, at.field..at.field + 1));
    }
    varray::share_each(part, start, |item, element| item.share_elements(sink, at, element))
}

/// Saves the items from `start` to `end` with the info `I` through a shared reference.
///
/// # Errors
/// Returns an error if an item cannot be saved.
pub(super) fn share_with<I, C, S>(
    items: &C,
    start: usize,
    end: usize,
    sink: &mut S,
    at: FieldRef,
) -> Result<(), SaveError>
where
    C: Counted,
    I: Codec<C::Item>,
    S: Sink,
{
    varray::share_each(between(items, start, end), start, |item, element| I::share(item, sink, at, element))
}

/// Saves the bytes from `start` to `end` as one buffer, through a shared reference.
///
/// # Errors
/// Never fails; the other functions have the same signature.
pub(super) fn share_buffer<C, S>(
    bytes: &C,
    start: usize,
    end: usize,
    sink: &mut S,
    at: FieldRef,
) -> Result<(), SaveError>
where
    C: Counted<Item = u8>,
    S: Sink,
{
    varray::share_bytes(between(bytes, start, end), sink, at);
    Ok(())
}

/// Returns the items from `start` to `end`, of a container that cannot grow and is therefore contiguous.
fn between<C: Counted>(items: &C, start: usize, end: usize) -> [&[C::Item]; 2] {
    let [items, _] = items.parts(end);
    [items.get(start..).unwrap_or_default(), &[]]
}

fn save_each<T>(
    items: &mut [T],
    start: usize,
    mut save: impl FnMut(&mut T, ElementIndex) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    let count = items.len();
    for (index, item) in items.iter_mut().enumerate() {
        save(item, ElementIndex::new(index, count)).map_err(|error| error.in_element(start + index))?;
    }
    Ok(())
}

/// Loads the items from `start` to `end` in their built-in format.
///
/// # Errors
/// Returns an error if the stream is truncated, or an item cannot be loaded.
pub(super) fn load<C>(items: &mut C, start: usize, end: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    C: Counted<Item: Wire>,
{
    let items = items.grow(start, end);
    if const { C::Item::FIXED.is_none() } {
        return load_each(items, start, |item| item.load_elements(reader));
    }
    let size = const { walk::fixed_size(C::Item::FIXED) };
    let from = reader.take(size.saturating_mul(items.len()));
    C::Item::get_all(items, from.map_err(|error| error.in_array(&C::Item::FORM, start))?);
    Ok(())
}

/// Loads the items from `start` to `end` with the info `I`.
///
/// # Errors
/// Returns an error if the stream is truncated, or an item cannot be loaded.
pub(super) fn load_with<I, C>(items: &mut C, start: usize, end: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    C: Counted,
    I: Codec<C::Item>,
{
    load_each(items.grow(start, end), start, |item| I::load(item, reader))
}

/// Loads the bytes from `start` to `end` as one buffer.
///
/// # Errors
/// Returns an error if the stream is truncated.
pub(super) fn load_buffer<C>(bytes: &mut C, start: usize, end: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    C: Counted<Item = u8>,
{
    reader.fill(bytes.grow(start, end))
}

fn load_each<T>(
    items: &mut [T],
    start: usize,
    mut load: impl FnMut(&mut T) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    for (index, item) in items.iter_mut().enumerate() {
        load(item).map_err(|error| error.in_element(start + index))?;
    }
    Ok(())
}
