//! Save running machines and load them again, byte-compatible with QEMU's migration stream.
//!
//! A device is a struct that derives [`VmState`](derive@VmState). It writes and reads its section's payload by itself:
//!
//! ```
//! use vmstate::prelude::*;
//!
//! #[derive(VmState, Debug, Default, PartialEq)]
//! #[vmstate(name = "serial", version = 3, minimum_version = 2)]
//! struct Serial {
//!     divider: u16,
//!     lcr: u8,
//!     #[vmstate(since = 3, name = "fcr_vmstate")]
//!     fcr: u8,
//!     #[vmstate(timer)]
//!     timeout: Option<u64>,
//!     #[vmstate(skip = "wired by the board")]
//!     irq: Option<u32>,
//! }
//!
//! let mut serial = Serial { divider: 12, lcr: 3, fcr: 1, ..Serial::default() };
//! let mut writer = Writer::new();
//! serial.save(&mut writer)?;
//! assert_eq!(writer.pending(), b"\0\x0c\x03\x01\xff\xff\xff\xff\xff\xff\xff\xff");
//!
//! let mut other = Serial::default();
//! other.load(&mut Reader::from_slice(writer.pending()), 3)?;
//! assert_eq!(other, serial);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it is for |
//! |---|---|
//! | [`registry`] | the devices of a machine, and under which names their sections stand in a stream |
//! | [`laws`](mod@laws) | tests that every device gets for free |
//! | [`machine`] | saving and loading all of them, or nothing |
//! | [`stream`] | the frame around sections: header, configuration, sections, footers, commands, end |
//! | [`ram`] | the section with the guest's memory |
//! | [`schema`] | the JSON description at the end of a stream, written while saving and read from streams; shapes of devices, and whether two fit |
//! | [`lock`](mod@lock) | files that hold devices to what they have saved, and the test that does it |
//! | [`dynamic`] | reading and writing streams with no devices at hand, by their description |
//! | [`report`] | a page for people about a stream, or about two |
//! | [`import`] | Rust structs for the devices of a stream: how a port begins |
//! | [`adapters`] | memory and devices of rust-vmm's crates |
//! | [`wire`], [`info`], [`description`], [`error`], [`state`], [`walk`], [`sink`] | the core, from the `no_std` crate `vmstate-types` |
//!
//! [`tutorial`] is where to begin: your device in ten minutes. [`guide`] goes on from there.
//!
//! [`attributes`] is the book of attributes: what can be said about structs and fields, what each is in QEMU, and a table
//! from [`VMSTATE_X` to attribute](attributes::porting) for those who port devices from C.
//!
//! # Features
//!
//! Each feature only adds something. `schema` is on by default.
//!
//! | feature | adds |
//! |---|---|
//! | `schema` | [`laws`](mod@laws), [`lock`](mod@lock), [`dynamic`], [`report`], most of [`schema`], and the `because` line of load errors; depends on serde. Without it, machines are saved (with their descriptions) and loaded as before |
//! | `import` | [`import`]; depends on heck |
//! | `tracing` | spans of the crate `tracing`: one for each section that a machine saves or loads |
//! | `vm-memory`, `vm-superio`, `virtio-queue`, `kvm-bindings` | [`adapters`] for the crates of these names |
//! | `cli` | the command line tool `vmstate`: `cargo install --path vmstate --features cli` in a checkout; nothing in the library |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

pub mod adapters;
pub mod attributes;
#[cfg(feature = "schema")]
pub mod dynamic;
pub mod guide;
#[cfg(feature = "import")]
pub mod import;
#[cfg(feature = "schema")]
pub mod laws;
#[cfg(feature = "schema")]
pub mod lock;
pub mod machine;
pub mod ram;
pub mod registry;
#[cfg(feature = "schema")]
pub mod report;
pub mod schema;
pub mod section;
pub mod stream;
#[doc = include_str!("tutorial.md")]
pub mod tutorial {}

pub use vmstate_derive::VmState;
#[doc(hidden)]
pub use vmstate_types::__private;
pub use vmstate_types::{
    Description, Info, LoadError, Reader, SaveError, Sink, Temporary, Timer, Unused, Wire, Writer, description, error,
    info, sink, state, walk, wire,
};

pub use machine::Machine;
pub use registry::Device;
// From its module, where there is only the trait: the crate's root may have another derive of the same name.
pub use vmstate_types::state::VmState;

/// The README's example runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// What a device's file imports.
pub mod prelude {
    pub use vmstate_derive::VmState;
    pub use vmstate_types::info::array::{Boxed, Each};
    pub use vmstate_types::state::VmState;
    pub use vmstate_types::{Info, LoadError, Reader, SaveError, Temporary, Timer, Unused, Writer};

    pub use crate::machine::Machine;
}
