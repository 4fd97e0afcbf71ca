//! Shapes of state as data: the JSON description that ends a stream, QEMU's dumps, files of one's own, and whether two
//! sides understand each other.
//!
//! | module | what it is for |
//! |---|---|
//! | [`vmdesc`] | the description at the end of a stream |
//! | [`dump`] | what `qemu-system-... -dump-vmstate` writes |
//! | [`shape`] | what all of them say, in one form |
//! | [`compare`] | whether what one side writes is what the other one reads |
//!
//! A [`Schema`] is the devices of one program, machine or stream. Two of them are compared; `vmstate check` and a
//! [lock](mod@crate::lock) do no more than this:
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
pub(crate) use describe::{END, SEPARATOR, SectionText, beginning};
#[cfg(feature = "schema")]
pub use error::SchemaError;
#[cfg(feature = "schema")]
pub use file::FORMAT;
#[cfg(feature = "schema")]
pub use set::{Origin, Schema};
