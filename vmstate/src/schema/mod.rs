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
//! A [`Schema`] is the devices of one program, machine or stream.

pub mod compare;
mod describe;
pub mod dump;
mod entries;
mod file;
pub(crate) mod kind;
mod set;
pub mod shape;
pub mod vmdesc;

pub use describe::{Described, DescriptionWriter, Release};
pub(crate) use describe::{END, SEPARATOR, SectionText, beginning, describe_configuration};
pub use file::FORMAT;
pub use set::{Origin, Schema, SchemaError};
