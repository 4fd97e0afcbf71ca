//! Descriptions of device state as data, and their comparison.
//!
//! The fields of a device exist in several representations, each with the properties that its source has:
//!
//! | representation | source | contains | converts into |
//! |---|---|---|---|
//! | [`Description`](crate::Description) | the derive macro, as constant data | everything: versions, conditions, counters, hooks | [`Shape`](shape::Shape) |
//! | [`vmdesc::Document`] | the JSON at the end of a stream | the fields that were sent, with types, counts and sizes | [`Shape`](shape::Shape) |
//! | [`dump::Dump`] | `qemu-system-... -dump-vmstate` | versions and sizes in memory; no types | [`Shape`](shape::Shape), and back |
//! | [`shape::Shape`] | any of these | the properties of its source; the input of [`compare`] | [`Schema`] |
//! | [`Schema`] | one program, machine or stream | the shapes of its devices; [read and written](Schema::to_text) as a file | |
//! | [`DecodedSection`](crate::dynamic::DecodedSection) | a payload and its `vmdesc` entry | values, not definitions | `vmdesc`, and bytes |
//!
//! [`DescriptionWriter`] writes the description of a stream while its sections are saved. The feature `schema` (on by
//! default) adds everything else: parsing, and all modules but [`vmdesc`].
//!
//! `vmstate check` and [lock files](mod@crate::lock) compare two schemas:
//!
//! ```
//! use vmstate::prelude::*;
//! use vmstate::schema::Schema;
//! use vmstate::schema::compare::{Severity, compare_schemas};
//!
//! #[derive(VmState)]
//! #[vmstate(name = "tick")]
//! struct Old {
//!     reload: u32,
//! }
//!
//! #[derive(VmState)]
//! #[vmstate(name = "tick")]
//! struct New {
//!     reload: u32,
//!     mode: u8,
//! }
//!
//! let old = Schema::from_devices("board-1.0", [("tick", Old::DESCRIPTION)]);
//! let new = Schema::from_devices("board-1.0", [("tick", New::DESCRIPTION)]);
//! let report = compare_schemas(&old, &new);
//! assert_eq!(report.worst(), Some(Severity::Break));
//! assert_eq!(report.findings[0].path, "mode");
//! ```

#[cfg(feature = "schema")]
pub mod compare;
mod describe;
#[cfg(feature = "schema")]
pub mod dump;
#[cfg(feature = "schema")]
mod entries;
#[cfg(feature = "schema")]
mod error;
#[cfg(feature = "schema")]
mod file;
#[cfg(feature = "schema")]
mod read;
#[cfg(feature = "schema")]
pub(crate) mod scalar_kind;
#[cfg(feature = "schema")]
mod set;
#[cfg(feature = "schema")]
pub mod shape;
pub mod vmdesc;

#[cfg(feature = "schema")]
pub(crate) use describe::describe_configuration;
pub use describe::{DescribingSink, DescriptionWriter, Release};
pub(crate) use describe::{END, KeptText, SEPARATOR, SectionText, beginning};
#[cfg(feature = "schema")]
pub use error::SchemaError;
#[cfg(feature = "schema")]
pub use file::FORMAT;
#[cfg(feature = "schema")]
pub use set::{Origin, Schema, device_name};
