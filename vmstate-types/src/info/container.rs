//! Containers of counted items: arrays, vectors, deques, and boxed and borrowed slices.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::sealed::Sealed;

/// A container of a counted number of items: the front of an array, a vector, a deque, a boxed or borrowed slice.
pub trait Counted: Sealed {
    /// The type of the items.
    type Item;

    /// The maximum number of items; `None` if the container grows.
    const CAPACITY: Option<usize>;

    /// Returns the first `count` items, or `None` if there are fewer. A container that grows must have exactly as many.
    fn items(&mut self, count: usize) -> Option<&mut [Self::Item]>;

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
