//! Saving and loading a whole machine: all devices of a [`Registry`](crate::registry::Registry), as one stream.
//!
//! A save writes the sections in QEMU's order: what is live while the machine runs, then every device, by priority. A
//! load takes sections as they come, and either takes all of them or leaves the machine as it was:
//!
//! 1. Before a section is loaded, the state of its device is copied.
//! 2. The section is decoded, with the hooks of nested structs and subsections in their places, as in QEMU.
//! 3. When all sections have come, and none is missing, each device's own `post_load` runs, in the order of the sections;
//!    then what was added with [`after_load`](crate::registry::Registry::after_load).
//! 4. If anything fails, or panics, every device gets its copy back. Its hooks run for that as for any load, so that what
//!    it derives from its state fits it again; but what they return does not count.
//!
//! The way back has its price: a load of devices takes up to twice as long as one [in place](LoadOptions::in_place); one of
//! guest memory takes up to twice as long where it was zero, as in a machine that was just made, and five to eight times as
//! long where every page was something else and must be copied (`tests/benches/machine.rs`).
//!
//! A registry that saves and loads again does so in the memory that it had: it keeps that of the copies, and the text of
//! each section's description, which is made anew only when the section has another shape. A save into a [`Writer`](crate::Writer) that
//! has been used allocates nothing.
//!
//! A stream can make a load hold at most twice as many bytes as have come of it, and a fixed amount: the reader's buffer of
//! 64 KiB and some for the rest; two bits for each page of guest memory; and at most 8 MiB for the headers of sections,
//! where [`Rules`] let unknown or repeated ones pass, of which there can be 16384. (What a device makes of its bytes in its
//! own containers and hooks is its own matter. Pages of memory that are to become zero are copied at the end of a load that
//! can go back, if they were not.) No length in a stream is believed before its bytes have come, and no field needs an
//! allocation of its own.
//!
//! What a stream may lack and have too much is a matter of [`Rules`]. (QEMU: `migration/savevm.c`.)

mod complete;
mod configuration;
mod description;
mod diagnosis;
mod kept;
mod load;
mod policy;
mod progress;
mod save;
mod snapshot;
mod trace;
mod undo;

pub(crate) use description::Texts;
pub(crate) use kept::Kept;
pub(crate) use load::AfterLoad;
pub use load::Loaded;
pub use policy::{CommandHandler, LoadOptions, Repeated, Rules, Trailer, Unknown, Unread, refuse};
pub use progress::{Phase, Progress};
pub use save::{SaveOptions, Saved, Saving};
pub(crate) use undo::Copies;
