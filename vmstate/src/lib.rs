//! Save the state of a virtual machine and load it again, in the format of QEMU's migration streams.
//!
//! A device is a struct that derives [`VmState`](derive@VmState). A [`Machine`] saves its devices as one stream, and loads
//! all of them or none:
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
//! fn board(serial: &mut Serial) -> Result<Machine<'_>, vmstate::registry::RegisterError> {
//!     let mut machine = Machine::with_type("board-1.0");
//!     machine.register("serial", serial)?;
//!     Ok(machine)
//! }
//!
//! let mut source = Serial { divider: 12, lcr: 3, fcr: 1, ..Serial::default() };
//! let mut stream = Vec::new(); // or a file, or a socket
//! board(&mut source)?.save(&mut stream)?;
//!
//! let mut destination = Serial::default();
//! board(&mut destination)?.load(&stream[..])?;
//! assert_eq!(destination, source);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Start with the page for your program: [a device](tutorial), [a port of a device of QEMU](guide::porting), [an
//! emulator](guide::emulators), [a virtual machine monitor](guide::host), or [a running QEMU](guide::transfer), which needs no
//! Rust. The [`guide`] covers each topic in detail.
//!
//! # Modules
//!
//! For device authors:
//!
//! | module | contents |
//! |---|---|
//! | [`attributes`] | Reference of all attributes, and a table from [QEMU's macros to attributes](attributes::porting) |
//! | [`laws`](mod@laws) | Generated tests for a device |
//! | [`lock`](mod@lock) | A test that detects changes that break saved streams |
//! | [`checksum`] | Checksums of saved files |
//! | [`rewind`] | Rewinding and run-ahead for emulators |
//! | [`adapters`] | Guest memory and devices of rust-vmm's crates |
//!
//! For authors of machines and VMMs:
//!
//! | module | contents |
//! |---|---|
//! | [`machine`] | [`Machine`], and options for saving and loading |
//! | [`registry`] | Registration of devices: names, instances, aliases, owned and shared devices |
//! | [`section`] | Custom sections: live sections, which are sent while the machine runs, and raw sections |
//! | [`memory`] | Guest memory: blocks, mappings, dirty logs |
//! | [`ram`] | The section of guest memory |
//! | [`snapshot`] | Named snapshots in a folder, a qcow2 image or an object store |
//! | [`migration`] | Live migration to another process or host |
//!
//! For authors of tools, which work without device definitions:
//!
//! | module | contents |
//! |---|---|
//! | [`stream`] | The framing of a stream: header, configuration, sections, commands |
//! | [`schema`] | JSON descriptions, schemas and QEMU's dumps, and the comparison of two schemas |
//! | [`dynamic`] | Decoding, comparing and editing streams |
//! | [`import`], [`report`] | Rust structs and HTML pages generated from streams |
//!
//! The core, from the `no_std` crate `vmstate-types`: [`wire`], [`info`], [`description`], [`error`], [`text`], [`state`],
//! [`walk`] and [`sink`]. Most programs need only [`Reader`], [`Writer`] and the errors.
//!
//! # Features
//!
//! All features are additive. Only `schema` is on by default.
//!
//! | feature | effect |
//! |---|---|
//! | `schema` | [`laws`](mod@laws), [`lock`](mod@lock), [`dynamic`], [`report`], most of [`schema`], and the `because` line of load errors; depends on serde. Saving and loading machines does not require it |
//! | `import` | [`import`]; depends on heck |
//! | `migration` | [`migration`] |
//! | `vsock` | The transport `vsock:` of [`migration`], for Linux only |
//! | `zlib`, `zstd` | [Compression](guide::migration#several-channels) of data channels of [`migration`]; `zstd` requires a C compiler |
//! | `tls` | [Encryption](guide::migration#encrypt-the-link) of [`migration`] with x509 certificates; depends on rustls and ring, which requires a C compiler |
//! | `control` | [`migration::control`], a QMP server; depends on serde and rustix |
//! | `snapshot` | [`snapshot`]; depends on serde and rustix, and is for Unix only |
//! | `object-store` | [`snapshot::Bucket`], snapshots in an object store such as S3; includes `snapshot`, and depends on object_store, whose features select the backends, and tokio |
//! | `tracing` | A span of the crate `tracing` for each section that is saved or loaded |
//! | `mapping` | Memory mappings in [`memory`], and output to files without copies; depends on rustix and libc, and is for Linux only |
//! | `kvm-ioctls` | KVM's dirty log in [`memory`], for kvm-ioctls 0.22 to 0.25; includes `mapping`, and is for Linux on x86-64 only |
//! | `vm-memory`, `vm-superio`, `virtio-queue`, `kvm-bindings` | [`adapters`] for the crate of the same name |
//! | `arrayvec`, `bytes`, `heapless`, `smallvec`, `tinyvec` | [Composed forms](attributes::composed) of collections of the crate of the same name |
//! | `cli`, `cli-bucket`, `port` | The [command line tool](guide::cli) `vmstate`, [buckets](guide::snapshots#object-stores) in folders for it, and its command [`port`](guide::emulators#from-other-formats). A library does not need them |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

pub mod adapters;
pub mod attributes;
pub mod checksum;
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
pub mod memory;
#[cfg(feature = "migration")]
pub mod migration;
pub mod ram;
pub mod registry;
#[cfg(feature = "schema")]
pub mod report;
pub mod rewind;
pub mod schema;
pub mod section;
#[cfg(all(unix, feature = "snapshot"))]
#[cfg_attr(docsrs, doc(cfg(feature = "snapshot")))]
pub mod snapshot;
pub mod stream;
#[doc = include_str!("tutorial.md")]
pub mod tutorial {}

pub use vmstate_derive::VmState;
#[doc(hidden)]
pub use vmstate_types::__private;
pub use vmstate_types::{
    Description, Info, LoadError, Reader, SaveError, Sink, Temporary, Timer, Unused, Wire, Writer, description, error,
    info, sink, state, text, walk, wire,
};

pub use machine::Machine;
pub use registry::Device;
// From its module, where there is only the trait: the crate's root may have another derive of the same name.
pub use vmstate_types::state::VmState;

/// Runs the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// Imports for files that define devices.
pub mod prelude {
    pub use vmstate_derive::VmState;
    pub use vmstate_types::state::VmState;
    pub use vmstate_types::{LoadError, Reader, SaveError, Unused, Writer};

    pub use crate::machine::Machine;
}
