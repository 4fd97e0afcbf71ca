//! Wrappers that do not change the wire format of their value: boxes, exclusive references, cells, locks, shared pointers, atomics.
//!
//! Locks are held while one field is saved or loaded. A borrowed `RefCell` or a poisoned lock is an error and not a
//! panic.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::sync::Arc;
use core::cell::{Cell, RefCell};
use core::num::Wrapping;

use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::walk;
use crate::wire::Reader;

impl<T: Wire + ?Sized> Wire for Box<T> {
    const FORM: Form = T::FORM;
    const EQUAL: Form = T::EQUAL;
    const FIXED: Option<usize> = T::FIXED;
    const EXCLUSIVE: Option<&'static str> = T::EXCLUSIVE;

    fn put(&self, out: &mut [u8]) {
        (**self).put(out);
    }

    fn get(&mut self, from: &[u8]) {
        (**self).get(from);
    }

    fn save_elements<S: Sink>(&mut self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        (**self).save_elements(sink, at, element)
    }

    fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        (**self).share_elements(sink, at, element)
    }

    fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        (**self).load_elements(reader)
    }
}

impl<T: Wire + ?Sized> Wire for &mut T {
    const FORM: Form = T::FORM;
    const FIXED: Option<usize> = T::FIXED;
    const EXCLUSIVE: Option<&'static str> = T::EXCLUSIVE;

    fn put(&self, out: &mut [u8]) {
        (**self).put(out);
    }

    fn get(&mut self, from: &[u8]) {
        (**self).get(from);
    }

    fn save_elements<S: Sink>(&mut self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        (**self).save_elements(sink, at, element)
    }

    fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        (**self).share_elements(sink, at, element)
    }

    fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        (**self).load_elements(reader)
    }
}

impl<T: Wire> Wire for Wrapping<T> {
    const FORM: Form = T::FORM;
    const EQUAL: Form = T::EQUAL;
    const FIXED: Option<usize> = T::FIXED;
    const EXCLUSIVE: Option<&'static str> = T::EXCLUSIVE;

    #[inline]
    fn put(&self, out: &mut [u8]) {
        self.0.put(out);
    }

    #[inline]
    fn get(&mut self, from: &[u8]) {
        self.0.get(from);
    }

    fn save_elements<S: Sink>(&mut self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        self.0.save_elements(sink, at, element)
    }

    fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        self.0.share_elements(sink, at, element)
    }

    fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        self.0.load_elements(reader)
    }
}

impl<T: Wire + Copy> Wire for Cell<T> {
    const FORM: Form = T::FORM;
    const EQUAL: Form = T::EQUAL;
    const FIXED: Option<usize> = T::FIXED;

    #[inline]
    fn put(&self, out: &mut [u8]) {
        Self::get(self).put(out);
    }

    #[inline]
    fn get(&mut self, from: &[u8]) {
        self.get_mut().get(from);
    }

    fn save_elements<S: Sink>(&mut self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        self.get_mut().save_elements(sink, at, element)
    }

    fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        let mut value = Self::get(self);
        let saved = value.save_elements(sink, at, element);
        // A hook may have changed the copy.
        self.set(value);
        saved
    }

    fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        self.get_mut().load_elements(reader)
    }
}

impl<T: Wire + ?Sized> Wire for RefCell<T> {
    const FORM: Form = T::FORM;
    const EQUAL: Form = T::EQUAL;

    // `get_mut` cannot fail: the exclusive reference proves that the cell is not borrowed.
    fn save_elements<S: Sink>(&mut self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        self.get_mut().save_elements(sink, at, element)
    }

    fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        save_inner(self, "RefCell", sink, at, element)
    }

    fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        self.get_mut().load_elements(reader)
    }
}

/// A shared value with interior mutability.
trait Shared {
    type Inner: Wire + ?Sized;

    /// Calls `access` with the value, or returns `None` if it is borrowed, or poisoned unless `even_poisoned` is set.
    fn with<R>(&self, even_poisoned: bool, access: impl FnOnce(&mut Self::Inner) -> R) -> Option<R>;
}

/// The expectation in errors about unavailable values.
const NOT_AVAILABLE: &str = "a value that is neither borrowed nor poisoned";

/// Saves the value inside of `cell`, a `name`.
///
/// The value is borrowed exclusively, so that it may have hooks that change it.
fn save_inner<C: Shared + ?Sized, S: Sink>(
    cell: &C,
    name: &str,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
) -> Result<(), SaveError> {
    let saved = cell.with(false, |value| value.save_elements(sink, at, element));
    saved.unwrap_or_else(|| Err(SaveError::misuse(format!("the `{name}` is borrowed or poisoned"))))
}

macro_rules! shared {
    ($pointer:ident<$lock:ident<T>>) => {
        impl<T: Wire + ?Sized> Wire for $pointer<$lock<T>> {
            const FORM: Form = T::FORM;
            const EQUAL: Form = T::EQUAL;

            fn share_elements<S: Sink>(
                &self,
                sink: &mut S,
                at: FieldRef,
                element: ElementIndex,
            ) -> Result<(), SaveError> {
                walk::save_isolated(sink, |sink| save_inner(&**self, stringify!($lock), sink, at, element))
            }

            fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
                walk::load_isolated(reader, |reader| {
                    let loaded = self.with(reader.is_checkpoint(), |value| value.load_elements(reader));
                    loaded.unwrap_or_else(|| {
                        Err(LoadError::misuse(
                            NOT_AVAILABLE,
                            concat!("a borrowed or poisoned `", stringify!($lock), "`"),
                        ))
                    })
                })
            }
        }
    };
}

impl<T: Wire + ?Sized> Shared for RefCell<T> {
    type Inner = T;

    fn with<R>(&self, _: bool, access: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.try_borrow_mut().ok().map(|mut value| access(&mut value))
    }
}

shared!(Rc<RefCell<T>>);

#[cfg(feature = "std")]
mod locks {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::{LockResult, Mutex, PoisonError, RwLock};

    use super::*;

    /// Returns the guarded value, unless the lock is poisoned and that matters.
    ///
    /// A lock may be poisoned during the load that is rolled back. Its value then has to be restored nevertheless.
    fn accept<V>(locked: LockResult<V>, even_poisoned: bool) -> Option<V> {
        if even_poisoned { Some(locked.unwrap_or_else(PoisonError::into_inner)) } else { locked.ok() }
    }

    macro_rules! lock {
        ($lock:ident $access:ident) => {
            impl<T: Wire + ?Sized> Shared for $lock<T> {
                type Inner = T;

                fn with<R>(&self, even_poisoned: bool, access: impl FnOnce(&mut T) -> R) -> Option<R> {
                    let mut value = accept(self.$access(), even_poisoned)?;
                    // A panicking hook must not poison the lock: rolling back the failed load needs it again.
                    let outcome = catch_unwind(AssertUnwindSafe(|| access(&mut value)));
                    drop(value);
                    Some(outcome.unwrap_or_else(|panic| resume_unwind(panic)))
                }
            }

            impl<T: Wire + ?Sized> Wire for $lock<T> {
                const FORM: Form = T::FORM;
                const EQUAL: Form = T::EQUAL;

                fn save_elements<S: Sink>(
                    &mut self,
                    sink: &mut S,
                    at: FieldRef,
                    element: ElementIndex,
                ) -> Result<(), SaveError> {
                    match self.get_mut() {
                        Ok(value) => value.save_elements(sink, at, element),
                        Err(_) => Err(SaveError::misuse(concat!("the `", stringify!($lock), "` is poisoned"))),
                    }
                }

                fn share_elements<S: Sink>(
                    &self,
                    sink: &mut S,
                    at: FieldRef,
                    element: ElementIndex,
                ) -> Result<(), SaveError> {
                    save_inner(self, stringify!($lock), sink, at, element)
                }

                fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
                    match accept(self.get_mut(), reader.is_checkpoint()) {
                        Some(value) => value.load_elements(reader),
                        None => Err(LoadError::misuse(NOT_AVAILABLE, concat!("a poisoned `", stringify!($lock), "`"))),
                    }
                }
            }

            shared!(Arc<$lock<T>>);
            shared!(Rc<$lock<T>>);
        };
    }

    lock!(Mutex lock);
    lock!(RwLock write);
}

macro_rules! atomics {
    ($($width:literal $atomic:ident $int:ident;)*) => {$(
        #[cfg(target_has_atomic = $width)]
        const _: () = {
            use core::sync::atomic::{$atomic, Ordering};

            #[diagnostic::do_not_recommend]
            impl Wire for $atomic {
                const FORM: Form = $int::FORM;
                const FIXED: Option<usize> = $int::FIXED;

                // Relaxed: the machine is stopped while it is saved, so that no other thread accesses the value.
                #[inline]
                fn put(&self, out: &mut [u8]) {
                    self.load(Ordering::Relaxed).put(out);
                }

                #[inline]
                fn get(&mut self, from: &[u8]) {
                    self.get_mut().get(from);
                }

                fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
                    self.load(Ordering::Relaxed).share_elements(sink, at, element)
                }

                fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
                    self.get_mut().load_elements(reader)
                }
            }

            #[diagnostic::do_not_recommend]
            impl Wire for Arc<$atomic> {
                const FORM: Form = $int::FORM;
                const FIXED: Option<usize> = $int::FIXED;

                #[inline]
                fn put(&self, out: &mut [u8]) {
                    (**self).put(out);
                }

                #[inline]
                fn get(&mut self, from: &[u8]) {
                    let mut value = <$int>::default();
                    value.get(from);
                    self.store(value, Ordering::Relaxed);
                }

                fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
                    self.load(Ordering::Relaxed).share_elements(sink, at, element)
                }

                fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
                    let mut value = <$int>::default();
                    value.load_elements(reader)?;
                    self.store(value, Ordering::Relaxed);
                    Ok(())
                }
            }
        };
    )*};
}

atomics! {
    "8" AtomicBool bool;
    "8" AtomicU8 u8;
    "8" AtomicI8 i8;
    "16" AtomicU16 u16;
    "16" AtomicI16 i16;
    "32" AtomicU32 u32;
    "32" AtomicI32 i32;
    "64" AtomicU64 u64;
    "64" AtomicI64 i64;
}

macro_rules! non_zero {
    ($($int:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Wire for core::num::NonZero<$int> {
            const FORM: Form = $int::FORM;
            // FIXED is not set: a run does not validate its values, and zero is invalid here.

            fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
                Self::get(*self).share_elements(sink, at, element)
            }

            fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
                let start = reader.offset();
                let mut value = 0;
                Wire::load_elements(&mut value, reader)?;
                *self = Self::new(value).ok_or_else(|| LoadError::malformed("a number other than zero", 0).at_offset(start))?;
                Ok(())
            }
        }
    )*};
}

non_zero!(u8 u16 u32 u64 i8 i16 i32 i64);
