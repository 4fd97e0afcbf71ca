//! The wire format of devices in QEMU migration streams, and the data that describes it.
//!
//! This is the `no_std` + `alloc` core of [`vmstate`](https://docs.rs/vmstate); most programs use that crate. Its
//! parts:
//!
//! * [`VmState`]: the trait of devices, which `#[derive(VmState)]` implements
//! * [`wire`]: the big-endian cursors [`Reader`] and [`Writer`]
//! * [`info`]: the wire formats of single values, one file per family of QEMU's `VMStateInfo`s
//! * [`description`]: the layout of a device as plain constant data
//! * [`walk`]: the engine, which mirrors QEMU's `vmstate_save_state` and `vmstate_load_state`
//! * [`error`]: errors with kinds and locations
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
pub mod text;
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

/// The names that generated code uses. Not part of the API: they can change in any release.
#[doc(hidden)]
pub mod __private;

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
