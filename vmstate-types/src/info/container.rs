//! Containers of counted items: arrays, vectors, deques, and boxed and borrowed slices.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::sealed::Sealed;
use crate::error::LoadError;
use crate::sink::Sink;
use crate::wire::Reader;

/// A container of a counted number of items: the front of an array, a vector, a deque, a boxed or borrowed slice.
pub trait Counted: Sealed {
    /// The type of the items.
    type Item;

    /// The maximum number of items; `None` if the container grows.
    const CAPACITY: Option<usize>;

    /// Returns the first `count` items, or `None` if there are fewer. A container that grows must have exactly as many.
    fn items(&mut self, count: usize) -> Option<&mut [Self::Item]>;

    /// Returns the number of items.
    fn length(&self) -> usize;

    /// Returns the first `count` items in two parts, with fewer if there are not as many.
    fn parts(&self, count: usize) -> [&[Self::Item]; 2];

    /// Returns all items.
    fn all(&mut self) -> &mut [Self::Item];

    /// Grows the container to `end` items and returns the items from `start` to `end`. Items before `start` are loaded.
    fn grow(&mut self, start: usize, end: usize) -> &mut [Self::Item];

    /// Drops the items from `end` on, if the container grows.
    fn cut(&mut self, end: usize);

    /// Returns the number of items, if a load cannot change it and must therefore read as many.
    fn fixed_length(&self) -> Option<usize> {
        None
    }
}

impl<T, const N: usize> Counted for [T; N] {
    type Item = T;
    const CAPACITY: Option<usize> = Some(N);

    fn items(&mut self, count: usize) -> Option<&mut [T]> {
        self.get_mut(..count)
    }

    fn length(&self) -> usize {
        N
    }

    fn parts(&self, count: usize) -> [&[T]; 2] {
        [self.get(..count).unwrap_or(self), &[]]
    }

    fn all(&mut self) -> &mut [T] {
        self
    }

    fn grow(&mut self, start: usize, end: usize) -> &mut [T] {
        self.get_mut(start..end).unwrap_or_default()
    }

    fn cut(&mut self, _: usize) {}
}

impl<T, const N: usize> Counted for Box<[T; N]> {
    type Item = T;
    const CAPACITY: Option<usize> = Some(N);

    fn items(&mut self, count: usize) -> Option<&mut [T]> {
        (**self).items(count)
    }

    fn length(&self) -> usize {
        N
    }

    fn parts(&self, count: usize) -> [&[T]; 2] {
        (**self).parts(count)
    }

    fn all(&mut self) -> &mut [T] {
        &mut **self
    }

    fn grow(&mut self, start: usize, end: usize) -> &mut [T] {
        (**self).grow(start, end)
    }

    fn cut(&mut self, _: usize) {}
}

impl<T> Counted for &mut [T] {
    type Item = T;
    const CAPACITY: Option<usize> = None;

    fn items(&mut self, count: usize) -> Option<&mut [T]> {
        (self.len() == count).then_some(self)
    }

    fn length(&self) -> usize {
        self.len()
    }

    fn parts(&self, count: usize) -> [&[T]; 2] {
        [self.get(..count).unwrap_or(self), &[]]
    }

    fn all(&mut self) -> &mut [T] {
        self
    }

    fn grow(&mut self, start: usize, end: usize) -> &mut [T] {
        self.get_mut(start..end).unwrap_or_default()
    }

    fn cut(&mut self, _: usize) {}

    fn fixed_length(&self) -> Option<usize> {
        Some(self.len())
    }
}

impl<T: Default> Counted for Vec<T> {
    type Item = T;
    const CAPACITY: Option<usize> = None;

    fn items(&mut self, count: usize) -> Option<&mut [T]> {
        (self.len() == count).then_some(self)
    }

    fn length(&self) -> usize {
        self.len()
    }

    fn parts(&self, count: usize) -> [&[T]; 2] {
        [self.get(..count).unwrap_or(self), &[]]
    }

    fn all(&mut self) -> &mut [T] {
        self
    }

    fn grow(&mut self, start: usize, end: usize) -> &mut [T] {
        if self.len() < end {
            self.resize_with(end, T::default);
        }
        self.get_mut(start..end).unwrap_or_default()
    }

    fn cut(&mut self, end: usize) {
        self.truncate(end);
    }
}

impl<T: Default> Counted for VecDeque<T> {
    type Item = T;
    const CAPACITY: Option<usize> = None;

    fn items(&mut self, count: usize) -> Option<&mut [T]> {
        (self.len() == count).then(|| self.make_contiguous())
    }

    fn length(&self) -> usize {
        self.len()
    }

    fn parts(&self, count: usize) -> [&[T]; 2] {
        let (front, back) = self.as_slices();
        let rest = count.saturating_sub(front.len());
        [front.get(..count).unwrap_or(front), back.get(..rest).unwrap_or(back)]
    }

    fn all(&mut self) -> &mut [T] {
        self.make_contiguous()
    }

    fn grow(&mut self, start: usize, end: usize) -> &mut [T] {
        if self.len() < end {
            self.resize_with(end, T::default);
        }
        self.make_contiguous().get_mut(start..end).unwrap_or_default()
    }

    fn cut(&mut self, end: usize) {
        self.truncate(end);
    }
}

impl<T: Default> Counted for Box<[T]> {
    type Item = T;
    const CAPACITY: Option<usize> = None;

    fn items(&mut self, count: usize) -> Option<&mut [T]> {
        (self.len() == count).then_some(self)
    }

    fn length(&self) -> usize {
        self.len()
    }

    fn parts(&self, count: usize) -> [&[T]; 2] {
        [self.get(..count).unwrap_or(self), &[]]
    }

    fn all(&mut self) -> &mut [T] {
        self
    }

    fn grow(&mut self, start: usize, end: usize) -> &mut [T] {
        if self.len() < end {
            // Growing to twice the loaded items keeps the cost linear; `cut` removes the excess.
            let mut items = core::mem::take(self).into_vec();
            items.resize_with(end.max(2 * start), T::default);
            *self = items.into_boxed_slice();
        }
        self.get_mut(start..end).unwrap_or_default()
    }

    fn cut(&mut self, end: usize) {
        if self.len() > end {
            let mut items = core::mem::take(self).into_vec();
            items.truncate(end);
            *self = items.into_boxed_slice();
        }
    }
}

/// Returns the items to save: the first `count`, or `None` if the container does not have that many.
///
/// A checkpoint contains all items after their number, because a load may write those beyond the current count, and the
/// count may change before the rollback.
pub(super) fn to_save<'c, C: Counted, S: Sink>(
    items: &'c mut C,
    count: usize,
    sink: &mut S,
) -> Option<&'c mut [C::Item]> {
    let out = sink.out();
    if !out.is_checkpoint() {
        return items.items(count);
    }
    let items = items.all();
    out.u64(items.len() as u64);
    Some(items)
}

/// Returns the items to save through a shared reference, as [`to_save`] does.
pub(super) fn to_share<'c, C: Counted, S: Sink>(
    items: &'c C,
    count: usize,
    sink: &mut S,
) -> Option<[&'c [C::Item]; 2]> {
    let length = items.length();
    let out = sink.out();
    if out.is_checkpoint() {
        out.u64(length as u64);
        return Some(items.parts(length));
    }
    let fits = if C::CAPACITY.is_some() { count <= length } else { count == length };
    fits.then(|| items.parts(count))
}

/// Returns the number of items to load: `count`, or the number in a checkpoint.
///
/// # Errors
/// Returns an error if the checkpoint is truncated.
pub(super) fn to_load(count: usize, reader: &mut Reader<'_>) -> Result<usize, LoadError> {
    if !reader.is_checkpoint() {
        return Ok(count);
    }
    Ok(usize::try_from(reader.u64()?).unwrap_or(usize::MAX))
}
