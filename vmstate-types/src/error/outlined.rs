//! What an error has to say, behind a pointer that hides how it is dropped and shown.
//!
//! Code that passes errors on must be able to drop them. What that takes would be compiled into every crate that saves
//! or loads, and cost it more time than a device of some fields; so it is compiled here, once.

use alloc::boxed::Box;
use core::fmt;
use core::ops::{Deref, DerefMut};

/// A value on the heap. The pointer to it is as thin as that of a `Box`, so that a result fits into registers.
pub(super) struct Outlined<T>(Box<Pointer<T>>);

type Pointer<T> = Box<dyn DerefMut<Target = T> + Send + Sync>;

/// What the pointer's vtable is of.
struct Owned<T>(T);

impl<T: Send + Sync + 'static> Outlined<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Box::new(Box::new(Owned(value))))
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Owned<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> Deref for Outlined<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Outlined<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Outlined<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
