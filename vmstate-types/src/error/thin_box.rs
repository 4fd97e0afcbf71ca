//! A box that hides how its contents are dropped.
//!
//! Code that propagates an error contains the code that drops it. With a plain `Box<Details>`, that code is compiled
//! into every crate that saves or loads, and costs more than a device of a few fields. With a vtable it is compiled
//! once, in this crate.

use alloc::boxed::Box;
use core::ops::{Deref, DerefMut};

/// An owned value on the heap, with a pointer of one word.
///
/// The outer `Box` keeps it thin (a `Box<dyn ..>` has two words), so that a `Result` with it fits into registers.
pub(super) struct ThinBox<T>(Box<Pointer<T>>);

type Pointer<T> = Box<dyn DerefMut<Target = T> + Send + Sync>;

/// The type that the vtable belongs to.
struct Owned<T>(T);

impl<T: Send + Sync + 'static> ThinBox<T> {
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

impl<T> Deref for ThinBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for ThinBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
