//! What goes on the wire of a QEMU migration stream, and the data that describes it.
//!
//! This is the `no_std` + `alloc` core of [`vmstate`](https://docs.rs/vmstate); most users want that crate. Four parts:
//!
//! * [`wire`]: big-endian cursors. Nothing else in the project reads or writes bytes.
//! * [`info`]: how single values stand on the wire, one file per family of QEMU's `VMStateInfo`s.
//! * [`description`]: what a device's section looks like, as plain constant data.
//! * [`error`]: what can go wrong, and where.
//!
//! [`VmState`] ties them together: a type that `#[derive(VmState)]` has taught to save and load itself. The order of
//! hooks, fields and subsections is in [`walk`], which follows QEMU's `vmstate_save_state` and `vmstate_load_state`.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

pub mod description;
pub mod error;
#[doc(hidden)]
pub mod hook;
pub mod info;
pub mod sink;
pub mod state;
pub mod walk;
pub mod wire;

pub use description::Description;
pub use error::{LoadError, SaveError};
pub use info::Info;
pub use info::timer::Timer;
pub use info::tmp::Temporary;
pub use info::unused::Unused;
pub use sink::Sink;
pub use state::{VmState, Wire};
#[cfg(feature = "derive")]
pub use vmstate_derive::VmStateOfTypes as VmState;
pub use wire::{Reader, Writer};

/// What generated code names. Not part of the API: it changes in any release.
#[doc(hidden)]
pub mod __private;

/// The README's example runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
