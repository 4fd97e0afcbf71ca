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
//! What a stream may lack and have too much is a matter of [`Rules`]. (QEMU: `migration/savevm.c`.)

mod configuration;
mod diagnosis;
mod kept;
mod load;
mod policy;
mod progress;
mod save;
mod trace;
mod undo;

pub(crate) use kept::Kept;
pub(crate) use load::AfterLoad;
pub use load::Loaded;
pub use policy::{CommandHandler, LoadOptions, Repeated, Rules, Trailer, Unknown, Unread, refuse};
pub use progress::{Phase, Progress};
pub use save::{SaveOptions, Saved, Saving};
