//! Runs: adjacent fields of fixed size, which are saved and loaded with one length check.
//!
//! After the check, every field is a load or a store at a constant offset. This makes a device of plain
//! integers as fast as a hand-written copy.

use core::ops::Range;

use super::{load, nested_version, save, share};
use crate::description::Description;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::{VmState, Wire};
use crate::wire::Reader;

/// Saves a struct in a field (QEMU's `VMS_STRUCT`).
///
/// # Errors
/// Returns the same errors as [`save`].
#[inline]
#[doc(hidden)]
pub fn save_struct<T: VmState + Wire, S: Sink>(
    value: &mut T,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
) -> Result<(), SaveError> {
    if const { T::FIXED.is_none() } {
        return save_view(value, sink, at, element);
    }
    save_fixed(value, sink, at, element);
    Ok(())
}

/// Saves a struct in a field through a shared reference.
///
/// # Errors
/// Returns the same errors as [`share`].
#[inline]
#[doc(hidden)]
pub fn share_struct<T: VmState + Wire, S: Sink>(
    value: &T,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
) -> Result<(), SaveError> {
    if const { T::FIXED.is_none() } {
        return share_view(value, sink, at, element);
    }
    save_fixed(value, sink, at, element);
    Ok(())
}

/// Saves a struct of fixed size in a field.
#[inline]
fn save_fixed<T: VmState + Wire, S: Sink>(value: &T, sink: &mut S, at: FieldRef, element: ElementIndex) {
    let size = const { fixed_size(T::FIXED) };
    // A single struct becomes part of its parent's run. Elements of an array are reported one by one instead, because
    // the description at the end of a stream lists each of them.
    if element.count == 1 {
        value.put(sink.reserve(size));
        sink.fixed(at.parent, at.field..at.field + 1);
        return;
    }
    sink.begin_element(at, element);
    let version = nested_version(T::DESCRIPTION, sink.out().version());
    sink.begin_struct(T::DESCRIPTION, version);
    value.put(sink.reserve(size));
    sink.fixed(T::DESCRIPTION, 0..T::DESCRIPTION.fields.len());
    sink.end_struct();
    sink.end_element();
}

/// Loads a struct in a field.
///
/// # Errors
/// Returns the same errors as [`load`].
#[inline]
#[doc(hidden)]
pub fn load_struct<T: VmState + Wire>(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    if const { T::FIXED.is_none() } {
        let version = nested_version(T::DESCRIPTION, reader.version());
        return load(value, reader, version);
    }
    let size = const { fixed_size(T::FIXED) };
    value.get(load_run(reader, size, T::DESCRIPTION, 0..T::DESCRIPTION.fields.len())?);
    Ok(())
}

/// Returns the size of a value in bytes; 0 if it is not fixed.
pub(crate) const fn fixed_size(fixed: Option<usize>) -> usize {
    match fixed {
        Some(size) => size,
        None => 0,
    }
}

/// Saves a value of a foreign type in a field, through the struct `view` of its remote definition.
///
/// # Errors
/// Returns the same errors as [`save`].
#[doc(hidden)]
pub fn save_view<T: VmState, S: Sink>(
    view: &mut T,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
) -> Result<(), SaveError> {
    let version = nested_version(T::DESCRIPTION, sink.out().version());
    sink.begin_element(at, element);
    save(view, sink, version)?;
    sink.end_element();
    Ok(())
}

/// Saves a value of a foreign type in a field as [`save_view`] does, through a shared reference.
///
/// # Errors
/// Returns the same errors as [`share`].
#[doc(hidden)]
pub fn share_view<T: VmState, S: Sink>(
    view: &T,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
) -> Result<(), SaveError> {
    let version = nested_version(T::DESCRIPTION, sink.out().version());
    sink.begin_element(at, element);
    share(view, sink, version)?;
    sink.end_element();
    Ok(())
}

/// Takes the `size` bytes of the fixed-size `fields` of `parent` at once.
///
/// # Errors
/// Returns an error with the field in which the stream ends, if it is truncated.
#[doc(hidden)]
#[inline]
pub fn load_run<'r>(
    reader: &'r mut Reader<'_>,
    size: usize,
    parent: &'static Description,
    fields: Range<usize>,
) -> Result<&'r [u8], LoadError> {
    reader.take_run(size, parent.fields, fields)
}

/// Returns the total size in bytes of `count` fields of fixed size from index `first` on.
#[doc(hidden)]
#[must_use]
pub const fn run_size(parent: &Description, first: usize, count: usize) -> usize {
    let mut size = 0;
    let mut index = first;
    // Iterators are not available in constant functions.
    while index < first + count {
        if let Some(field) = parent.fields[index].form.total_size() {
            size += field;
        }
        index += 1;
    }
    size
}

/// A part of a run: fields of fixed size up to the first field without one.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct RunBlock {
    /// The total size of the fields in bytes.
    pub size: usize,
    /// The index of the first field.
    first: usize,
    /// The index after the last field.
    until: usize,
}

/// Returns, for each of the `N` fields from index `first` on, the block that the field belongs to or ends.
///
/// The macro does not know whether a field's type has a fixed size. For such fields, `types` contains the index
/// relative to `first` and the size that the type declares; the descriptions of all others specify their sizes. The
/// result is evaluated at compile time, so that each block becomes one length check.
#[doc(hidden)]
#[must_use]
pub const fn blocks<const N: usize>(
    parent: &Description,
    first: usize,
    mut types: &[(usize, Option<usize>)],
) -> [RunBlock; N] {
    let mut blocks = [RunBlock { size: 0, first, until: first }; N];
    let mut begin = 0;
    let mut index = 0;
    let mut bytes = 0;
    while index < N {
        let size = match types {
            [(typed, size), rest @ ..] if *typed == index => {
                types = rest;
                *size
            }
            _ => Some(run_size(parent, first + index, 1)),
        };
        bytes += fixed_size(size);
        index += 1;
        // A field without a fixed size ends the block before it and is loaded between two blocks.
        if size.is_none() || index == N {
            let until = if size.is_none() { index - 1 } else { N };
            let block = RunBlock { size: bytes, first: first + begin, until: first + until };
            while begin < index {
                blocks[begin] = block;
                begin += 1;
            }
            bytes = 0;
        }
    }
    blocks
}

/// Notifies the sink that the fields of the block are written.
#[doc(hidden)]
#[inline]
pub fn end_block<S: Sink>(sink: &mut S, parent: &'static Description, block: &RunBlock) {
    if block.first < block.until {
        sink.fixed(parent, block.first..block.until);
    }
}

/// Takes the bytes of the block.
///
/// # Errors
/// Returns the same errors as [`load_run`].
#[doc(hidden)]
#[inline]
pub fn load_block<'r>(
    reader: &'r mut Reader<'_>,
    parent: &'static Description,
    block: &RunBlock,
) -> Result<&'r [u8], LoadError> {
    load_run(reader, block.size, parent, block.first..block.until)
}

/// Returns the total size in bytes, or `None` if one of the sizes is not fixed.
#[doc(hidden)]
#[must_use]
pub const fn sum(sizes: &[Option<usize>]) -> Option<usize> {
    let mut sum = 0;
    let mut index = 0;
    while index < sizes.len() {
        match sizes[index] {
            Some(size) => sum += size,
            None => return None,
        }
        index += 1;
    }
    Some(sum)
}
