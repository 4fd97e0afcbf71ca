//! Runs: neighbours of fixed size, which are one check of a length and then loads and stores at constant offsets.

use core::ops::Range;

use super::{load, save};
use crate::description::Description;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::{VmState, Wire};
use crate::wire::Reader;

/// Saves a struct that stands in a field, at its own version whatever the parent's is (QEMU's `VMS_STRUCT`).
///
/// # Errors
/// Those of [`save`].
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
    let size = const { fixed_size(T::FIXED) };
    if element.count == 1 {
        value.put(sink.out().reserve(size));
        sink.fixed(at.parent, at.field..at.field + 1);
        return Ok(());
    }
    sink.begin_element(at, element);
    sink.begin_struct(T::DESCRIPTION, T::DESCRIPTION.version);
    value.put(sink.out().reserve(size));
    sink.fixed(T::DESCRIPTION, 0..T::DESCRIPTION.fields.len());
    sink.end_struct();
    sink.end_element();
    Ok(())
}

/// Loads a struct that stands in a field, at its own version.
///
/// # Errors
/// Those of [`load`].
#[inline]
#[doc(hidden)]
pub fn load_struct<T: VmState + Wire>(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    if const { T::FIXED.is_none() } {
        return load(value, reader, T::DESCRIPTION.version);
    }
    let size = const { fixed_size(T::FIXED) };
    value.get(load_run(reader, size, T::DESCRIPTION, 0..T::DESCRIPTION.fields.len())?);
    Ok(())
}

/// The bytes that a value takes; 0 if that is not fixed.
pub(crate) const fn fixed_size(fixed: Option<usize>) -> usize {
    match fixed {
        Some(size) => size,
        None => 0,
    }
}

/// Saves a value of another crate, which `view` shows as a struct, in a field.
///
/// # Errors
/// Those of [`save`].
#[doc(hidden)]
pub fn save_view<T: VmState, S: Sink>(
    view: &mut T,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
) -> Result<(), SaveError> {
    sink.begin_element(at, element);
    save(view, sink, T::DESCRIPTION.version)?;
    sink.end_element();
    Ok(())
}

/// Claims the bytes of the fixed-size fields number `fields` of `parent` in one go: `size` bytes.
///
/// # Errors
/// When the stream ends before the last of them; the error names the field in which it does.
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

/// The bytes that the `count` fields from number `first` on take, all of which have fixed sizes.
#[doc(hidden)]
#[must_use]
pub const fn run_size(parent: &Description, first: usize, count: usize) -> usize {
    let mut size = 0;
    let mut index = first;
    while index < first + count {
        if let Some(field) = parent.fields[index].form.total_size() {
            size += field;
        }
        index += 1;
    }
    size
}

/// A part of a run of neighbours: fields of fixed size, up to one that has none.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// The bytes of the block.
    pub size: usize,
    /// The number of its first field.
    first: usize,
    /// The number of the field behind its last one.
    until: usize,
}

/// For each of the `N` fields from number `first` on, the block that it is in or ends. Their descriptions say how large
/// they are, but for the fields that `types` has by their indices, counted from the first: whether those have a fixed size
/// only their types say.
#[doc(hidden)]
#[must_use]
pub const fn blocks<const N: usize>(
    parent: &Description,
    first: usize,
    mut types: &[(usize, Option<usize>)],
) -> [Block; N] {
    let mut blocks = [Block { size: 0, first, until: first }; N];
    let (mut begin, mut index, mut bytes) = (0, 0, 0);
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
        if size.is_none() || index == N {
            let until = if size.is_none() { index - 1 } else { N };
            let block = Block { size: bytes, first: first + begin, until: first + until };
            while begin < index {
                blocks[begin] = block;
                begin += 1;
            }
            bytes = 0;
        }
    }
    blocks
}

/// Says that the fields of the block have been written.
#[doc(hidden)]
#[inline]
pub fn end_block<S: Sink>(sink: &mut S, parent: &'static Description, block: &Block) {
    if block.first < block.until {
        sink.fixed(parent, block.first..block.until);
    }
}

/// Claims the bytes of the block.
///
/// # Errors
/// Those of [`load_run`].
#[doc(hidden)]
#[inline]
pub fn load_block<'r>(
    reader: &'r mut Reader<'_>,
    parent: &'static Description,
    block: &Block,
) -> Result<&'r [u8], LoadError> {
    load_run(reader, block.size, parent, block.first..block.until)
}

/// The bytes that values of fixed size take together; `None` if one of them has no fixed size.
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
