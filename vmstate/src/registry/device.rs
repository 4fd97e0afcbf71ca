//! Devices whose types are not known: what a registry holds.
//!
//! [`Device`] is the object-safe face of [`VmState`]. [`Register`] is what can be given to a registry: a device, a
//! borrowed or boxed one, or one that is shared with other parts of the program and locked while it is used.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::DerefMut;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use vmstate_types::walk::{self, PostLoad};
use vmstate_types::{Description, LoadError, Reader, SaveError, VmState, Writer};

use crate::schema::Described;

/// A device of any type: what is left of [`VmState`] when the type is forgotten.
///
/// Everything that is `VmState` is a `Device`. `&mut dyn Device` and `Box<dyn Device>` can be registered too.
pub trait Device {
    /// The shape of the device's section.
    fn description(&self) -> &'static Description;

    /// Whether the section is sent at all.
    fn is_needed(&self) -> bool;

    /// Writes the payload of the device's section, as it is at `version`.
    ///
    /// # Errors
    /// What a hook, or a value that does not fit its wire type, says.
    fn save_section(&mut self, out: &mut Writer, version: u32) -> Result<(), SaveError>;

    /// Writes the payload of the device's section and describes it.
    ///
    /// # Errors
    /// As [`Self::save_section`].
    fn describe_section(&mut self, out: &mut Described<'_>, version: u32) -> Result<(), SaveError>;

    /// Reads the payload of the device's section, and runs all hooks but the device's own `post_load`.
    ///
    /// # Errors
    /// When the version is not supported, the bytes are not what the description says, or a hook refuses.
    fn decode_section(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<PostLoad, LoadError>;

    /// Runs the device's own `post_load`.
    ///
    /// # Errors
    /// What the hook returns.
    fn finish_section(&mut self, version: u32) -> Result<(), LoadError>;

    /// Copies the state to the end of `to`, to go back to it ([`walk::checkpoint`]).
    ///
    /// # Errors
    /// When a value does not fit its wire type.
    fn checkpoint(&mut self, to: &mut Writer) -> Result<(), SaveError>;

    /// Goes back to a state that was copied ([`walk::restore`]).
    ///
    /// # Errors
    /// When `bytes` are not of this device.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), LoadError>;

    /// The device, without its type.
    fn as_device(&mut self) -> &mut dyn Device;
}

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

    fn describe_section(&mut self, out: &mut Described<'_>, version: u32) -> Result<(), SaveError> {
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

    fn restore(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        walk::restore(self, bytes)
    }

    fn as_device(&mut self) -> &mut dyn Device {
        self
    }
}

/// What can be given to a registry as a device. `By` says how the registry holds it, and is always inferred.
///
/// | argument | how it is held |
/// |---|---|
/// | `&mut device` | borrowed as long as the registry lives |
/// | `device` | owned |
/// | `Box<dyn Device>` | owned |
/// | `Arc<Mutex<T>>`, `Arc<RwLock<T>>` | shared with other threads; locked while the section is saved or loaded |
/// | `Rc<RefCell<T>>` | shared within the thread; borrowed while the section is saved or loaded |
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be registered as a device",
    label = "expected a device, `&mut` one, a `Box` of one, `Arc<Mutex<_>>`, `Arc<RwLock<_>>` or `Rc<RefCell<_>>`",
    note = "a device is a struct that derives `VmState`"
)]
pub trait Register<By> {
    /// The device itself.
    type State: Device + ?Sized;

    /// Lends the device to `run`.
    /// # Errors
    /// When somebody has it, or had it and panicked.
    fn with_device(&mut self, run: &mut dyn FnMut(&mut Self::State)) -> Result<(), Unavailable>;
}

/// Says why a shared device cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// A thread panicked while it held the lock.
    #[error("the device's lock is poisoned: a thread has panicked while it held it")]
    Poisoned,
    /// The `RefCell` is borrowed.
    #[error("the device is borrowed by another part of the program")]
    Borrowed,
}

impl<T> From<PoisonError<T>> for Unavailable {
    fn from(_: PoisonError<T>) -> Self {
        Self::Poisoned
    }
}

/// How a registry holds a device: the marker types of [`Register`].
pub mod ownership {
    /// The registry owns it.
    #[derive(Debug)]
    pub enum Value {}
    /// The registry borrows it.
    #[derive(Debug)]
    pub enum Borrow {}
    /// The registry owns it, in a box.
    #[derive(Debug)]
    pub enum Dynamic {}
    /// The registry shares it, behind an `Arc<Mutex<_>>`.
    #[derive(Debug)]
    pub enum Mutex {}
    /// The registry shares it, behind an `Arc<RwLock<_>>`.
    #[derive(Debug)]
    pub enum RwLock {}
    /// The registry shares it, behind an `Rc<RefCell<_>>`.
    #[derive(Debug)]
    pub enum RefCell {}
}

impl<T: VmState> Register<ownership::Value> for T {
    type State = T;

    fn with_device(&mut self, run: &mut dyn FnMut(&mut T)) -> Result<(), Unavailable> {
        run(self);
        Ok(())
    }
}

impl<T: Device + ?Sized> Register<ownership::Borrow> for &mut T {
    type State = T;

    fn with_device(&mut self, run: &mut dyn FnMut(&mut T)) -> Result<(), Unavailable> {
        run(self);
        Ok(())
    }
}

impl<T: Device + ?Sized> Register<ownership::Dynamic> for Box<T> {
    type State = T;

    fn with_device(&mut self, run: &mut dyn FnMut(&mut T)) -> Result<(), Unavailable> {
        run(self);
        Ok(())
    }
}

impl<T: Device + ?Sized> Register<ownership::Mutex> for Arc<Mutex<T>> {
    type State = T;

    fn with_device(&mut self, run: &mut dyn FnMut(&mut T)) -> Result<(), Unavailable> {
        locked(self.lock()?, run);
        Ok(())
    }
}

impl<T: Device + ?Sized> Register<ownership::RwLock> for Arc<RwLock<T>> {
    type State = T;

    fn with_device(&mut self, run: &mut dyn FnMut(&mut T)) -> Result<(), Unavailable> {
        locked(self.write()?, run);
        Ok(())
    }
}

/// Lends what a lock guards. A hook that panics does not poison the lock: the panic goes on to whoever saves or loads, and
/// a load that it ends gives the device its state back, for which the lock is needed.
fn locked<T: ?Sized>(mut guard: impl DerefMut<Target = T>, run: &mut dyn FnMut(&mut T)) {
    let outcome = catch_unwind(AssertUnwindSafe(|| run(&mut guard)));
    drop(guard);
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
}

impl<T: Device + ?Sized> Register<ownership::RefCell> for Rc<RefCell<T>> {
    type State = T;

    fn with_device(&mut self, run: &mut dyn FnMut(&mut T)) -> Result<(), Unavailable> {
        run(&mut *self.try_borrow_mut().map_err(|_| Unavailable::Borrowed)?);
        Ok(())
    }
}

/// A registered device, however it is held.
pub(crate) trait Handle {
    fn with_device(&mut self, run: &mut dyn FnMut(&mut dyn Device)) -> Result<(), Unavailable>;

    /// Runs the reset function; `false` if there is none.
    fn reset(&mut self) -> Result<bool, Unavailable>;
}

/// A device with what is known of its type: what it becomes when its section does not come.
pub(crate) struct Held<D, F, By> {
    device: D,
    reset: Option<F>,
    by: PhantomData<By>,
}

impl<D, F, By> Held<D, F, By> {
    pub(crate) fn new(device: D, reset: Option<F>) -> Self {
        Self { device, reset, by: PhantomData }
    }
}

impl<D: Register<By>, F: FnMut(&mut D::State), By> Handle for Held<D, F, By> {
    fn with_device(&mut self, run: &mut dyn FnMut(&mut dyn Device)) -> Result<(), Unavailable> {
        self.device.with_device(&mut |device| run(device.as_device()))
    }

    fn reset(&mut self) -> Result<bool, Unavailable> {
        let Some(reset) = &mut self.reset else { return Ok(false) };
        self.device.with_device(reset)?;
        Ok(true)
    }
}
