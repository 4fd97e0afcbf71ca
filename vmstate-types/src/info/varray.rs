//! Counted arrays, whose length is in another field: QEMU's VARRAY family and its sized buffers.
//!
//! The count is checked against the capacity of the container and the field's `max` before use. A growable container
//! grows with the received bytes, never with an announced count, so that a forged count cannot exhaust memory.

mod shared;

use alloc::format;
use alloc::string::String;

use super::Codec;
use super::container::{self, Counted};
use crate::description::CountSource;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::walk;
use crate::wire::Reader;
pub(super) use shared::{share, share_buffer, share_bytes, share_each, share_fixed, share_with};

/// A counter field, as named by `len = field`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a counter type",
    label = "expected an integer",
    note = "`len`, `count` and `bits` require a field of an integer type (in QEMU u8, u16, u32, u64 or i32) or a newtype of one"
)]
pub trait CountField {
    /// Returns the count, or `None` if it is negative or exceeds `usize`.
    fn count(&self) -> Option<usize>;

    /// Returns the value for messages.
    fn shown(&self) -> i128;
}

macro_rules! counts {
    ($($int:ident)*) => {$(
        impl CountField for $int {
            fn count(&self) -> Option<usize> {
                (*self).try_into().ok()
            }

            fn shown(&self) -> i128 {
                // The conversion cannot fail: no implementing type has more than 64 bits.
                (*self).try_into().unwrap_or(i128::MAX)
            }
        }
    )*};
}

counts!(u8 u16 u32 u64 usize i8 i16 i32 i64);

impl<T: CountField + Copy> CountField for core::cell::Cell<T> {
    fn count(&self) -> Option<usize> {
        self.get().count()
    }

    fn shown(&self) -> i128 {
        self.get().shown()
    }
}

impl<T: CountField> CountField for core::num::Wrapping<T> {
    fn count(&self) -> Option<usize> {
        self.0.count()
    }

    fn shown(&self) -> i128 {
        self.0.shown()
    }
}

/// Returns the length of a container that cannot grow.
///
/// # Panics
/// Panics at compile time if the container grows.
#[must_use]
pub const fn length(capacity: Option<usize>) -> usize {
    match capacity {
        Some(capacity) => capacity,
        None => panic!("missing counter field for a growing collection: add `len = field`"),
    }
}

/// Returns `source`, after checking that the container's capacity or a limit bounds it.
///
/// # Panics
/// Panics at compile time if the count is unbounded: a stream could then allocate any amount of memory.
#[must_use]
pub const fn bounded(capacity: Option<usize>, source: CountSource) -> CountSource {
    assert!(
        capacity.is_some() || source.max.is_some(),
        "missing limit on the number of elements in a stream: add `max = N`"
    );
    source.capacity(capacity)
}

/// A count from a counter field that has not been checked yet.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    count: Option<usize>,
    shown: i128,
    factor: usize,
}

/// Returns the value of `field` times `factor`.
pub fn number(field: &impl CountField, factor: usize) -> Number {
    // QEMU multiplies in `int` (vmstate_n_elems in migration/vmstate.c); an overflow is an error here.
    let count = field.count().and_then(|count| count.checked_mul(factor));
    Number { count, shown: field.shown(), factor }
}

impl Number {
    /// Returns the count for a save.
    ///
    /// # Errors
    /// Returns an error if the count is negative or exceeds `usize`.
    #[inline]
    pub fn to_save<S: Sink>(self, sink: &mut S) -> Result<usize, SaveError> {
        // A checkpoint has the container's own number of items, so that a count out of range does not matter.
        let count = if sink.out().is_checkpoint() { Some(0) } else { self.count };
        count.ok_or_else(|| SaveError::out_of_range(format!("count {} out of range", self.shown)))
    }

    /// Returns the count for a load into a container of `capacity` items.
    ///
    /// # Errors
    /// Returns an error if the count is negative, or exceeds `capacity` or `max`.
    #[inline]
    pub fn to_load(self, reader: &Reader<'_>, capacity: Option<usize>, max: Option<usize>) -> Result<usize, LoadError> {
        let limit = capacity.unwrap_or(usize::MAX).min(max.unwrap_or(usize::MAX));
        match self.count {
            // As in `to_save`; padding, which has no container, is not in a checkpoint.
            _ if reader.is_checkpoint() => Ok(0),
            Some(count) if count <= limit => Ok(count),
            _ => Err(self.too_large(limit, max).at_offset(reader.offset())),
        }
    }

    #[cold]
    fn too_large(self, limit: usize, max: Option<usize>) -> LoadError {
        match self.factor {
            1 => LoadError::malformed(limit_text(limit, max), self.shown),
            factor => LoadError::malformed(limit_text(limit, max), format!("{} * {factor}", self.shown)),
        }
    }
}

fn limit_text(limit: usize, max: Option<usize>) -> String {
    match max {
        Some(max) => format!("at most {limit} (max = {max})"),
        None => format!("at most {limit}, the length of the array"),
    }
}

/// Saves the first `count` items in their built-in format.
///
/// # Errors
/// Returns an error if the container has fewer items, or an item cannot be saved.
pub(super) fn save<C, S>(items: &mut C, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    C: Counted<Item: Wire>,
    S: Sink,
{
    let items = counted(items, count, sink)?;
    if const { C::Item::FIXED.is_some() } {
        let size = const { walk::fixed_size(C::Item::FIXED) };
        C::Item::put_all(items, sink.reserve(size.saturating_mul(items.len())));
        sink.fixed_array(at, items.len());
        return Ok(());
    }
    save_each(items, |item, element| item.save_elements(sink, at, element))
}

/// Saves the first `count` items with the info `I`.
///
/// # Errors
/// Returns an error if the container has fewer items, or an item cannot be saved.
pub(super) fn save_with<I, C, S>(items: &mut C, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    C: Counted,
    I: Codec<C::Item>,
    S: Sink,
{
    save_each(counted(items, count, sink)?, |item, element| I::save(item, sink, at, element))
}

/// Saves the first `count` bytes as one buffer.
///
/// # Errors
/// Returns an error if the container has fewer bytes.
#[inline]
pub(super) fn save_buffer<C, S>(bytes: &mut C, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    C: Counted<Item = u8>,
    S: Sink,
{
    let bytes = counted(bytes, count, sink)?;
    sink.begin_element(at, ElementIndex::ONLY);
    sink.bytes(bytes);
    sink.end_element();
    Ok(())
}

fn counted<'c, C: Counted, S: Sink>(
    items: &'c mut C,
    count: usize,
    sink: &mut S,
) -> Result<&'c mut [C::Item], SaveError> {
    container::to_save(items, count, sink).ok_or_else(|| count_mismatch(count))
}

/// Creates the error for a container whose number of items does not match its count.
#[cold]
pub(super) fn count_mismatch(count: usize) -> SaveError {
    SaveError::out_of_range(format!("the container does not have {count} elements, its count"))
}

fn save_each<T>(
    items: &mut [T],
    mut save: impl FnMut(&mut T, ElementIndex) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    let count = items.len();
    for (index, item) in items.iter_mut().enumerate() {
        save(item, ElementIndex::new(index, count)).map_err(|error| error.in_element(index))?;
    }
    Ok(())
}

/// The number of bytes of fixed-size items that are read at once.
///
/// It bounds the memory that a forged count can allocate before the stream ends.
const CHUNK: usize = 64 * 1024;

/// Loads `count` items in their built-in format.
///
/// # Errors
/// Returns an error if the stream is truncated, or an item cannot be loaded. Earlier items are loaded then.
pub(super) fn load<C>(items: &mut C, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    C: Counted<Item: Wire>,
{
    let size = const { walk::fixed_size(C::Item::FIXED) };
    // Zero means either no fixed size, or elements without bytes, of which any number fits into a chunk.
    if const { walk::fixed_size(C::Item::FIXED) == 0 } {
        return load_each(items, count, reader, Wire::load_elements);
    }
    let count = checked_count(items, count, reader)?;
    let chunk = (CHUNK / size).max(1);
    let mut start = 0;
    while start < count {
        let end = count.min(start + chunk);
        let from = reader.take((end - start) * size).map_err(|error| error.in_array(&C::Item::FORM, start))?;
        C::Item::get_all(items.grow(start, end), from);
        start = end;
    }
    items.cut(count);
    Ok(())
}

/// Loads `count` items with the info `I`.
///
/// # Errors
/// Returns an error if the stream is truncated, or an item cannot be loaded. Earlier items are loaded then.
pub(super) fn load_with<I, C>(items: &mut C, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    C: Counted,
    I: Codec<C::Item>,
{
    load_each(items, count, reader, I::load)
}

/// Loads `count` bytes as one buffer.
///
/// # Errors
/// Returns an error if the stream is truncated.
pub(super) fn load_buffer<C>(bytes: &mut C, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    C: Counted<Item = u8>,
{
    let count = checked_count(bytes, count, reader)?;
    load_bytes(bytes, count, reader)
}

/// Loads `count` bytes, which a container of fixed size must have room for.
///
/// # Errors
/// Returns an error if the stream is truncated.
pub(super) fn load_bytes<C>(bytes: &mut C, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    C: Counted<Item = u8>,
{
    let mut start = 0;
    while start < count {
        let end = count.min(start + CHUNK);
        let from = reader.take(end - start)?;
        bytes.grow(start, end).copy_from_slice(from);
        start = end;
    }
    bytes.cut(count);
    Ok(())
}

/// Rejects counts above the capacity. [`Number::to_load`] has checked the count already; this protects other callers.
///
/// A borrowed slice cannot change its length, so that the stream must have as many items.
pub(super) fn checked_count<C: Counted>(items: &C, count: usize, reader: &mut Reader<'_>) -> Result<usize, LoadError> {
    let count = container::to_load(count, reader)?;
    match (C::CAPACITY, items.fixed_length()) {
        (Some(capacity), _) if count > capacity => Err(too_many(count, capacity)),
        (_, Some(length)) if count != length => Err(other_length(count, length)),
        _ => Ok(count),
    }
}

#[cold]
fn other_length(count: usize, length: usize) -> LoadError {
    LoadError::incompatible(format!("{length}, the length of the slice"), count)
        .or_advice("use the same configuration on source and destination")
}

#[cold]
fn too_many(count: usize, capacity: usize) -> LoadError {
    LoadError::misuse(limit_text(capacity, None), count)
}

fn load_each<C: Counted>(
    items: &mut C,
    count: usize,
    reader: &mut Reader<'_>,
    load: impl Fn(&mut C::Item, &mut Reader<'_>) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    let count = checked_count(items, count, reader)?;
    for index in 0..count {
        // One by one, because the stream may end at any item and their sizes are unknown.
        for item in items.grow(index, index + 1) {
            load(item, reader).map_err(|error| error.in_element(index))?;
        }
    }
    items.cut(count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;
    use alloc::collections::VecDeque;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::description::{Description, Field, Form};
    use crate::wire::Writer;

    const PARENT: &Description =
        &Description::new("parent").fields(&[Field::new("items", Form::info("uint16", Some(2)))]);
    const ITEMS: FieldRef = FieldRef::new(PARENT, 0);

    fn saved(items: &mut impl Counted<Item = u16>, count: usize) -> Result<Vec<u8>, SaveError> {
        let mut writer = Writer::new();
        save(items, count, &mut writer, ITEMS)?;
        Ok(writer.take())
    }

    #[test]
    fn all_containers_have_the_same_format() {
        let bytes = [0, 1, 0, 2, 0, 3];
        assert_eq!(saved(&mut [1_u16, 2, 3, 4], 3).unwrap(), bytes);
        assert_eq!(saved(&mut vec![1_u16, 2, 3], 3).unwrap(), bytes);
        assert_eq!(saved(&mut VecDeque::from([1_u16, 2, 3]), 3).unwrap(), bytes);
        assert_eq!(saved(&mut Box::<[u16]>::from([1_u16, 2, 3]), 3).unwrap(), bytes);

        let mut array = [9_u16; 4];
        load(&mut array, 3, &mut Reader::from_slice(&bytes)).unwrap();
        assert_eq!(array, [1, 2, 3, 9], "items after the count are unchanged");
        for before in [0, 2, 3, 7] {
            let mut vec = vec![9_u16; before];
            load(&mut vec, 3, &mut Reader::from_slice(&bytes)).unwrap();
            assert_eq!(vec, [1, 2, 3]);
            let mut deque = VecDeque::from(vec![9_u16; before]);
            load(&mut deque, 3, &mut Reader::from_slice(&bytes)).unwrap();
            assert_eq!(deque, [1, 2, 3]);
            let mut boxed = vec![9_u16; before].into_boxed_slice();
            load(&mut boxed, 3, &mut Reader::from_slice(&bytes)).unwrap();
            assert_eq!(*boxed, [1, 2, 3]);
        }
    }

    #[test]
    fn count_mismatch_is_rejected() {
        assert!(saved(&mut [1_u16, 2], 3).is_err());
        assert!(saved(&mut vec![1_u16, 2, 3], 2).is_err(), "a vector is saved as a whole");
        assert!(number(&-1_i32, 1).to_save(&mut Writer::new()).is_err());
        assert!(number(&u64::MAX, 2).to_save(&mut Writer::new()).is_err());
    }

    #[test]
    fn counts_are_checked_before_use() {
        let reader = &Reader::from_slice(&[]);
        assert_eq!(number(&3_u8, 4).to_load(reader, None, Some(12)).unwrap(), 12);
        let error = number(&4_u8, 4).to_load(reader, None, Some(12)).unwrap_err();
        assert_eq!((error.expected(), error.found()), ("at most 12 (max = 12)", "4 * 4"));
        let error = number(&5_u32, 1).to_load(reader, Some(4), None).unwrap_err();
        assert_eq!((error.expected(), error.found()), ("at most 4, the length of the array", "5"));
        assert!(number(&-1_i32, 1).to_load(reader, Some(4), None).is_err());
        assert!(load(&mut [0_u16; 2], 3, &mut Reader::from_slice(&[0; 6])).is_err());
        assert!(load_buffer(&mut [0_u8; 2], 3, &mut Reader::from_slice(&[0; 6])).is_err());
    }

    #[test]
    fn both_parts_of_a_deque_are_shared() {
        let mut deque = VecDeque::with_capacity(8);
        deque.extend([2_u16, 3, 4]);
        deque.push_front(1);
        assert_eq!(deque.as_slices().0, [1]);
        let mut out = Writer::new();
        share(&deque, 4, &mut out, ITEMS).unwrap();
        assert_eq!(out.pending(), [0, 1, 0, 2, 0, 3, 0, 4]);
    }

    #[test]
    fn buffer_of_several_chunks_loads() {
        let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        let mut buffer = vec![9; 3];
        load_buffer(&mut buffer, bytes.len(), &mut Reader::from_slice(&bytes)).unwrap();
        assert_eq!(buffer, bytes);
    }

    #[test]
    fn vector_grows_with_received_bytes() {
        let mut items = Vec::<u64>::new();
        let error = load(&mut items, usize::MAX, &mut Reader::from_slice(&[0; 100_004])).unwrap_err();
        assert_eq!((error.path().as_str(), error.offset()), ("[12500]", Some(100_000)));
        assert!(items.capacity() < 100_000, "{}", items.capacity());
        assert_eq!(items.len(), 64 * 1024 / 8, "complete chunks are loaded");
        let mut buffer = Vec::<u8>::new();
        assert!(load_buffer(&mut buffer, usize::MAX, &mut Reader::from_slice(&[0; 100_000])).is_err());
        assert!(buffer.capacity() < 1_000_000, "{}", buffer.capacity());
    }
}
