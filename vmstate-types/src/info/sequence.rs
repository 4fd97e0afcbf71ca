//! Collections with their number of items in front, as one value: `#[vmstate(with = Sequence<16>)]`.

use core::marker::PhantomData;

use alloc::format;

use super::hidden::check_max;
use super::{Codec, Collection, Info, Plain, members, several_fields};
use crate::description::{Count, CountSource, Description, Field, Form};
use crate::error::field::InField;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::walk;
use crate::wire::{Reader, Writer};

/// At most `MAX` items with the form `I`, after their number.
///
/// `I` is a custom info or another composed form, such as `Sequence<16, Sequence<64>>` for `Vec<Vec<u8>>`.
///
/// The description is a struct with a `VMSTATE_UINT32` and a `VMSTATE_STRUCT_VARRAY_ALLOC` or
/// `VMSTATE_VARRAY_UINT32_ALLOC`.
#[derive(Debug)]
pub struct Sequence<const MAX: usize, I = Plain>(PhantomData<I>);

/// The description of a sequence of `T`.
struct Layout<T, I, const MAX: usize>(PhantomData<(T, I)>);

impl<T, I: Codec<T>, const MAX: usize> Layout<T, I, MAX> {
    const DESCRIPTION: &'static Description = &members::describe(
        "sequence",
        const { &[members::count("count"), Field::new("items", counted(I::FORM, MAX))] },
    );
}

/// Returns the format of at most `max` items, whose number is in the field `count`.
pub(super) const fn counted(item: Form, max: usize) -> Form {
    // An item that is an array contributes all of its elements.
    let elements = elements(item);
    item.counted(CountSource::new("count").multiply(elements).max(max * elements))
}

/// Returns the number of elements in an item.
const fn elements(item: Form) -> usize {
    match item.count {
        Count::Fixed(count) => count,
        _ => 1,
    }
}

impl<C: Collection, I: Codec<C::Item>, const MAX: usize> Info<C> for Sequence<MAX, I> {
    const NAME: &'static str = "";
    const FORM: Form = Form::structure(Layout::<C::Item, I, MAX>::DESCRIPTION);
    const EXCLUSIVE: Option<&'static str> = I::EXCLUSIVE;

    several_fields!(C);

    fn save_elements<S: Sink>(
        value: &mut C,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        let description = Layout::<C::Item, I, MAX>::DESCRIPTION;
        check_max(value.length(), MAX)?;
        members::save(description, sink, at, element, |sink| {
            save_count(value.length(), description, sink)?;
            save_items::<C, I, S>(value, sink, FieldRef::new(description, 1)).in_field("items")
        })
    }

    fn share_elements<S: Sink>(value: &C, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        let description = Layout::<C::Item, I, MAX>::DESCRIPTION;
        check_max(value.length(), MAX)?;
        members::save(description, sink, at, element, |sink| {
            save_count(value.length(), description, sink)?;
            share_items::<C, I, S>(value, sink, FieldRef::new(description, 1)).in_field("items")
        })
    }

    fn load_elements(value: &mut C, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let count = load_count(MAX, C::CAPACITY, reader).in_field("count")?;
        let start = reader.offset();
        load_items::<C, I>(value, count, reader).map_err(|error| error.at_offset(start)).in_field("items")
    }
}

/// Saves the number of items as the first field of `description`.
pub(super) fn save_count<S: Sink>(
    count: usize,
    description: &'static Description,
    sink: &mut S,
) -> Result<(), SaveError> {
    let count = u32::try_from(count);
    let count = count.map_err(|_| SaveError::out_of_range("the number of items does not fit into 32 bits"))?;
    count.share_elements(sink, FieldRef::new(description, 0), ElementIndex::ONLY)
}

/// Loads a number of items that is at most `max`, and at most `capacity`.
pub(super) fn load_count(max: usize, capacity: Option<usize>, reader: &mut Reader<'_>) -> Result<usize, LoadError> {
    let start = reader.offset();
    let count = reader.u32()?;
    let limit = capacity.unwrap_or(usize::MAX).min(max);
    match usize::try_from(count) {
        Ok(count) if count <= limit => Ok(count),
        _ => Err(LoadError::malformed(format!("at most {limit} items"), count).at_offset(start)),
    }
}

fn save_items<C, I, S>(value: &mut C, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    C: Collection,
    I: Codec<C::Item>,
    S: Sink,
{
    if const { I::FIXED.is_some() } {
        return save_fixed::<C, I, S>(value, sink, at);
    }
    let count = value.length();
    let mut index = 0;
    value.save_each(|item| {
        let element = ElementIndex::new(index, count);
        let saved = I::save(item, sink, at, element).map_err(|error: SaveError| error.in_element(index));
        index += 1;
        saved
    })
}

fn share_items<C, I, S>(value: &C, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    C: Collection,
    I: Codec<C::Item>,
    S: Sink,
{
    if const { I::FIXED.is_some() } {
        return save_fixed::<C, I, S>(value, sink, at);
    }
    let count = value.length();
    let mut index = 0;
    value.share_each(|item| {
        let element = ElementIndex::new(index, count);
        let saved = I::share(item, sink, at, element).map_err(|error: SaveError| error.in_element(index));
        index += 1;
        saved
    })
}

/// Saves items of fixed size: at once if they are contiguous.
///
/// They are reported together, because an item that is an array would be described as the whole field if it is the only
/// one.
fn save_fixed<C, I, S>(value: &C, sink: &mut S, at: FieldRef) -> Result<(), SaveError>
where
    C: Collection,
    I: Codec<C::Item>,
    S: Sink,
{
    let size = const { walk::fixed_size(I::FIXED) };
    match value.slice() {
        Some(items) => I::put_all(items, sink.reserve(size.saturating_mul(items.len()))),
        None => value.share_each(|item| {
            I::put(item, sink.reserve(size));
            Ok::<(), SaveError>(())
        })?,
    }
    sink.fixed_array(at, value.length().saturating_mul(const { elements(I::FORM) }));
    Ok(())
}

/// The number of bytes that are read at once, so that a forged count does not allocate.
const CHUNK: usize = 64 * 1024;

fn load_items<C, I>(value: &mut C, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    C: Collection,
    I: Codec<C::Item>,
{
    // Zero means either no fixed size, or items without bytes, which need no chunks.
    if const { walk::fixed_size(I::FIXED) > 0 } && value.grow(0, 0).is_some() {
        return load_chunks::<C, I>(value, count, reader);
    }
    let mut index = 0;
    value.load_each(count, |item| {
        let loaded = I::load(item, reader).map_err(|error| error.in_element(index));
        index += 1;
        loaded
    })
}

/// Loads items of fixed size into a contiguous collection.
fn load_chunks<C, I>(value: &mut C, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    C: Collection,
    I: Codec<C::Item>,
{
    let size = const { walk::fixed_size(I::FIXED) };
    let chunk = (CHUNK / size).max(1);
    let mut start = 0;
    while start < count {
        let end = count.min(start.saturating_add(chunk));
        let from = reader.take((end - start).saturating_mul(size));
        let from = from.map_err(|error| error.in_array(&I::FORM, start))?;
        I::get_all(value.grow(start, end).unwrap_or_default(), from);
        start = end;
    }
    value.cut(count);
    Ok(())
}
