//! The marker types of [`Machine`](crate::machine::Machine) that decide whether it can move to another thread.
//!
//! Trait objects decide at their creation whether they are `Send`, so a registry has to choose the boxes for its devices
//! and hooks by type. [`Threading`] names these boxes, and [`MaybeSend`] creates them: the only places that know about
//! threads. All other code is written once, for both.

use std::fmt::Debug;
use std::ops::DerefMut;

use super::device::{Handle, Held, Register};
use super::hook::AfterLoadHook;
use crate::section::{LiveSection, RawSection};

/// The threading of a machine: [`Threads`] if it is `Send`, or else [`Local`].
pub trait Threading: sealed::Threading + Debug + Sized + 'static {
    /// The box of a device.
    #[doc(hidden)]
    type Device<'d>: Handle;
    /// The box of a raw section.
    #[doc(hidden)]
    type Raw<'d>: DerefMut<Target: RawSection>;
    /// The box of a live section.
    #[doc(hidden)]
    type Live<'d>: DerefMut<Target: LiveSection>;
    /// The box of a hook that runs after a load.
    #[doc(hidden)]
    type AfterLoad<'d>: DerefMut<Target: AfterLoadHook>;
    /// The box of a function that resets a device of type `S`.
    #[doc(hidden)]
    type Reset<'d, S: ?Sized + 'd>: FnMut(&mut S);
}

mod sealed {
    pub trait Threading {}
}

/// Marks a [`Machine`](crate::machine::Machine) that is `Send`, because everything registered with it is.
#[derive(Debug, Clone, Copy)]
pub enum Threads {}

/// Marks a [`LocalMachine`](crate::machine::LocalMachine), which stays on its thread and accepts devices that are not
/// `Send`.
#[derive(Debug, Clone, Copy)]
pub enum Local {}

/// Everything that a machine with this [`Threading`] can hold: any `Send` type for [`Threads`], any type for [`Local`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `Send`, so it cannot be registered with a `Machine`",
    label = "not `Send`",
    note = "use a `LocalMachine`, which stays on its thread, or share the device as `Arc<Mutex<_>>`"
)]
pub trait MaybeSend<T: Threading>: Sized {
    #[doc(hidden)]
    fn boxed_device<'d, By: 'd>(held: Held<'d, Self, By, T>) -> T::Device<'d>
    where
        Self: Register<By> + 'd;

    #[doc(hidden)]
    fn boxed_raw<'d>(self) -> T::Raw<'d>
    where
        Self: RawSection + 'd;

    #[doc(hidden)]
    fn boxed_live<'d>(self) -> T::Live<'d>
    where
        Self: LiveSection + 'd;

    #[doc(hidden)]
    fn boxed_after_load<'d>(self) -> T::AfterLoad<'d>
    where
        Self: AfterLoadHook + 'd;

    #[doc(hidden)]
    fn boxed_reset<'d, S: ?Sized + 'd>(self) -> T::Reset<'d, S>
    where
        Self: FnMut(&mut S) + 'd;
}

/// Implements both traits for a marker. The implementations differ only in the boxes that the compiler coerces to.
macro_rules! threading {
    ($marker:ident $(, $send:ident)?) => {
        impl sealed::Threading for $marker {}

        impl Threading for $marker {
            type Device<'d> = Box<dyn Handle $(+ $send)? + 'd>;
            type Raw<'d> = Box<dyn RawSection $(+ $send)? + 'd>;
            type Live<'d> = Box<dyn LiveSection $(+ $send)? + 'd>;
            type AfterLoad<'d> = Box<dyn AfterLoadHook $(+ $send)? + 'd>;
            type Reset<'d, S: ?Sized + 'd> = Box<dyn FnMut(&mut S) $(+ $send)? + 'd>;
        }

        // The compiler would otherwise report that `Send` is missing, instead of the message above.
        #[diagnostic::do_not_recommend]
        impl<X $(: $send)?> MaybeSend<$marker> for X {
            fn boxed_device<'d, By: 'd>(held: Held<'d, Self, By, $marker>) -> <$marker as Threading>::Device<'d>
            where
                Self: Register<By> + 'd,
            {
                Box::new(held)
            }

            fn boxed_raw<'d>(self) -> <$marker as Threading>::Raw<'d>
            where
                Self: RawSection + 'd,
            {
                Box::new(self)
            }

            fn boxed_live<'d>(self) -> <$marker as Threading>::Live<'d>
            where
                Self: LiveSection + 'd,
            {
                Box::new(self)
            }

            fn boxed_after_load<'d>(self) -> <$marker as Threading>::AfterLoad<'d>
            where
                Self: AfterLoadHook + 'd,
            {
                Box::new(self)
            }

            fn boxed_reset<'d, S: ?Sized + 'd>(self) -> <$marker as Threading>::Reset<'d, S>
            where
                Self: FnMut(&mut S) + 'd,
            {
                Box::new(self)
            }
        }
    };
}

threading!(Threads, Send);
threading!(Local);
