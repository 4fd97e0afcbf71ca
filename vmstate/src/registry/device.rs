//! Devices after type erasure, and the ways in which a machine can hold them.
//!
//! [`Device`] is the object-safe version of [`VmState`]. [`Register`] is implemented for everything that can be
//! registered: devices, borrowed and boxed ones, and devices that are shared with other parts of the program and locked
//! while a machine uses them.

use std::cell::RefCell;
use std::ops::DerefMut;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::{Arc, LockResult, Mutex, PoisonError, RwLock};

use vmstate_types::walk::{self, PostLoad};
use vmstate_types::{Description, LoadError, Reader, SaveError, VmState, Writer};

use super::threading::Threading;
use crate::schema::DescribingSink;

/// Type-erased, object-safe version of [`VmState`].
///
/// Every type that implements `VmState` is a `Device`, and the trait is sealed. Use `&mut (dyn Device + Send)` or
/// `Box<dyn Device + Send>` to register devices of different types in one loop.
pub trait Device: sealed::Device {
    /// Returns the description of the device's section.
    fn description(&self) -> &'static Description;

    /// Returns whether the section is sent.
    fn is_needed(&self) -> bool;

    /// Writes the payload of the device's section at `version`.
    ///
    /// # Errors
    /// Returns an error if a hook fails, or a value does not fit its wire type.
    fn save_section(&mut self, out: &mut Writer, version: u32) -> Result<(), SaveError>;

    /// Writes the payload of the device's section and describes it.
    ///
    /// # Errors
    /// See [`save_section`](Self::save_section).
    fn describe_section(&mut self, out: &mut DescribingSink<'_>, version: u32) -> Result<(), SaveError>;

    /// Reads the payload of the device's section, and runs all hooks except the device's own `post_load`.
    ///
    /// # Errors
    /// Returns an error if the version is not supported, the payload is malformed, or a hook fails.
    fn decode_section(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<PostLoad, LoadError>;

    /// Runs the device's own `post_load`.
    ///
    /// # Errors
    /// Returns an error if the hook does.
    fn finish_section(&mut self, version: u32) -> Result<(), LoadError>;

    /// Appends a checkpoint of the state to `to` ([`walk::checkpoint`]).
    ///
    /// # Errors
    /// Returns an error if a value does not fit its wire type.
    fn checkpoint(&mut self, to: &mut Writer) -> Result<(), SaveError>;

    /// Restores the fields of a [`checkpoint`](Self::checkpoint) ([`walk::restore_fields`]).
    ///
    /// # Errors
    /// Returns an error if `bytes` are not a checkpoint of this device, or a field cannot be restored.
    fn restore_fields(&mut self, bytes: &[u8]) -> Result<(), LoadError>;

    /// Runs the hooks of a restore ([`walk::run_restore_hooks`]).
    ///
    /// # Errors
    /// Returns the errors of [`restore_fields`](Self::restore_fields), and an error if a hook panics.
    fn run_restore_hooks(&mut self, bytes: &[u8]) -> Result<(), LoadError>;

    /// Erases the type of the device.
    fn as_device(&mut self) -> &mut dyn Device;
}

impl<T: VmState> sealed::Device for T {}

impl<T: VmState> Device for T {
    fn description(&self) -> &'static Description {
        T::DESCRIPTION
    }

    fn is_needed(&self) -> bool {
        self.needed()
    }

    fn save_section(&mut self, out: &mut Writer, version: u32) -> Result<(), SaveError> {
        walk::save(self, out, version).map_err(|error| error.in_field(T::DESCRIPTION.name))
    }

    fn describe_section(&mut self, out: &mut DescribingSink<'_>, version: u32) -> Result<(), SaveError> {
        walk::save(self, out, version).map_err(|error| error.in_field(T::DESCRIPTION.name))
    }

    fn decode_section(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<PostLoad, LoadError> {
        walk::decode(self, reader, version).map_err(|error| error.in_field(T::DESCRIPTION.name))
    }

    fn finish_section(&mut self, version: u32) -> Result<(), LoadError> {
        walk::finish(self, version).map_err(|error| error.in_field(T::DESCRIPTION.name))
    }

    fn checkpoint(&mut self, to: &mut Writer) -> Result<(), SaveError> {
        walk::checkpoint(self, to)
    }

    fn restore_fields(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        walk::restore_fields(self, bytes)
    }

    fn run_restore_hooks(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        walk::run_restore_hooks(self, bytes)
    }

    fn as_device(&mut self) -> &mut dyn Device {
        self
    }
}

/// A device, or a reference to one, that can be registered with a [`Machine`](crate::machine::Machine). `By` tells how
/// the machine holds the device, and is always inferred.
///
/// | argument | how the machine holds it |
/// |---|---|
/// | `&mut device` | borrowed as long as the machine exists |
/// | `device` | owned |
/// | `Box<dyn Device>`, `Box<dyn Device + Send>` | owned |
/// | `Arc<Mutex<T>>`, `Arc<RwLock<T>>` | shared with other threads; locked while the section is saved or loaded |
/// | `Rc<RefCell<T>>` | shared within the thread; borrowed while the section is saved or loaded |
///
/// A device that is not `Send`, such as an `Rc`, needs a [`LocalMachine`](crate::machine::LocalMachine). The trait is
/// sealed: a type derives [`VmState`] to become a device.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be registered as a device",
    label = "expected a device, or `&mut`, `Box`, `Arc<Mutex>`, `Arc<RwLock>` or `Rc<RefCell>` of one",
    note = "a device is a struct that derives `VmState`"
)]
pub trait Register<By>: sealed::Register<By> {
    /// The device itself.
    type State: Device + ?Sized;

    /// Calls `run` with the device.
    ///
    /// # Errors
    /// Returns an error if the device is in use, or, unless `poisoned` ignores it, if a thread panicked while it held the
    /// lock.
    #[doc(hidden)]
    fn with_device<R>(&mut self, poisoned: Poisoned, run: impl FnOnce(&mut Self::State) -> R)
    -> Result<R, Unavailable>;
}

/// The treatment of a lock that a panic has poisoned.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poisoned {
    /// The device may be inconsistent: saving and loading it fails.
    Reject,
    /// The device is restored, which makes it consistent again.
    Ignore,
}

impl Poisoned {
    /// Returns the guard of the lock, if it can be used.
    fn accept<G>(self, locked: LockResult<G>) -> Result<G, Unavailable> {
        match self {
            Self::Reject => locked.map_err(|_| Unavailable::Poisoned),
            Self::Ignore => Ok(locked.unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

mod sealed {
    /// Keeps other crates from implementing [`Device`](super::Device), so that it can gain methods.
    pub trait Device {}

    /// Keeps other crates from implementing [`Register`](super::Register).
    pub trait Register<By> {}
}

/// The reason why a shared device cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// A thread panicked while it held the lock.
    #[error("the lock of the device is poisoned: a thread panicked while it held it")]
    Poisoned,
    /// The `RefCell` is borrowed.
    #[error("the device is borrowed by another part of the program")]
    Borrowed,
}

/// Marker types of [`Register`] for the ways in which a machine holds a device.
pub mod ownership {
    /// The machine owns it.
    #[derive(Debug)]
    pub enum Value {}
    /// The machine borrows it.
    #[derive(Debug)]
    pub enum Borrow {}
    /// The machine owns it, in a box.
    #[derive(Debug)]
    pub enum Dynamic {}
    /// The machine shares it as `Arc<Mutex<_>>`.
    #[derive(Debug)]
    pub enum Mutex {}
    /// The machine shares it as `Arc<RwLock<_>>`.
    #[derive(Debug)]
    pub enum RwLock {}
    /// The machine shares it as `Rc<RefCell<_>>`.
    #[derive(Debug)]
    pub enum RefCell {}
}

/// Implements [`Register`] for a type that holds a device, given how to access the device.
macro_rules! register {
    (
        $by:ident for $held:ty, $state:ident: $bound:path $(, ?$sized:ident)?,
        |$this:ident, $poisoned:ident, $run:ident| $with:expr
    ) => {
        impl<$state: $bound $(+ ?$sized)?> sealed::Register<ownership::$by> for $held {}

        impl<$state: $bound $(+ ?$sized)?> Register<ownership::$by> for $held {
            type State = $state;

            fn with_device<R>(
                &mut self,
                $poisoned: Poisoned,
                $run: impl FnOnce(&mut $state) -> R,
            ) -> Result<R, Unavailable> {
                let $this = self;
                $with
            }
        }
    };
}

register!(Value for T, T: VmState, |this, _poisoned, run| Ok(run(this)));
register!(Borrow for &mut T, T: Device, ?Sized, |this, _poisoned, run| Ok(run(this)));
register!(Dynamic for Box<T>, T: Device, ?Sized, |this, _poisoned, run| Ok(run(this)));
register!(Mutex for Arc<Mutex<T>>, T: Device, ?Sized, |this, poisoned, run| {
    Ok(locked(poisoned.accept(this.lock())?, run))
});
register!(RwLock for Arc<RwLock<T>>, T: Device, ?Sized, |this, poisoned, run| {
    Ok(locked(poisoned.accept(this.write())?, run))
});
register!(RefCell for Rc<RefCell<T>>, T: Device, ?Sized, |this, _poisoned, run| {
    this.try_borrow_mut().map(|mut device| run(&mut device)).map_err(|_| Unavailable::Borrowed)
});

/// Calls `run` with the device that a lock guards, and keeps the lock usable if `run` panics.
///
/// A load that a panic ends restores the device, so that a poisoned lock would report an inconsistency that the rollback
/// has removed. The caller still sees the panic.
fn locked<T: ?Sized, R>(mut guard: impl DerefMut<Target = T>, run: impl FnOnce(&mut T) -> R) -> R {
    // The guarded value may be inconsistent after a panic, and `AssertUnwindSafe` admits that. The same is true for a
    // device that is not shared; in both cases the rollback overwrites the value.
    let outcome = catch_unwind(AssertUnwindSafe(|| run(&mut guard)));
    drop(guard);
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// A registered device, however the machine holds it. Public only in name: [`Threading`] mentions it.
pub trait Handle {
    /// Calls `run` with the device, once.
    fn with_device(&mut self, poisoned: Poisoned, run: &mut dyn FnMut(&mut dyn Device)) -> Result<(), Unavailable>;

    /// Runs the reset function. Returns `false` if the device does not have one.
    fn reset(&mut self) -> Result<bool, Unavailable>;

    /// Calls `run` with the device and returns its result.
    #[inline]
    fn with<R>(&mut self, run: impl FnOnce(&mut dyn Device) -> R) -> Result<R, Unavailable>
    where
        Self: Sized,
    {
        self.with_poisoned(Poisoned::Reject, run)
    }

    /// Calls `run` with the device, whose lock may be poisoned, and returns its result.
    #[inline]
    fn with_poisoned<R>(&mut self, poisoned: Poisoned, run: impl FnOnce(&mut dyn Device) -> R) -> Result<R, Unavailable>
    where
        Self: Sized,
    {
        let mut run = Some(run);
        let mut result = None;
        self.with_device(poisoned, &mut |device| result = run.take().map(|run| run(device)))?;
        // `with_device` has called the closure: a device that cannot be accessed has returned an error above.
        result.ok_or(Unavailable::Borrowed)
    }
}

impl<H: Handle + ?Sized> Handle for Box<H> {
    fn with_device(&mut self, poisoned: Poisoned, run: &mut dyn FnMut(&mut dyn Device)) -> Result<(), Unavailable> {
        (**self).with_device(poisoned, run)
    }

    fn reset(&mut self) -> Result<bool, Unavailable> {
        (**self).reset()
    }
}

/// A device and its reset function, before its type is erased.
pub struct Held<'d, D: Register<By> + 'd, By: 'd, T: Threading> {
    device: D,
    reset: Option<T::Reset<'d, D::State>>,
}

impl<'d, D: Register<By>, By, T: Threading> Held<'d, D, By, T> {
    pub(super) fn new(device: D, reset: Option<T::Reset<'d, D::State>>) -> Self {
        Self { device, reset }
    }
}

impl<D: Register<By>, By, T: Threading> Handle for Held<'_, D, By, T> {
    fn with_device(&mut self, poisoned: Poisoned, run: &mut dyn FnMut(&mut dyn Device)) -> Result<(), Unavailable> {
        self.device.with_device(poisoned, |device| run(device.as_device()))
    }

    fn reset(&mut self) -> Result<bool, Unavailable> {
        let Some(reset) = &mut self.reset else { return Ok(false) };
        self.device.with_device(Poisoned::Reject, reset)?;
        Ok(true)
    }
}
