//! Sections that are not described devices: raw sections and live sections.
//!
//! A [`LiveSection`] is sent in parts while the machine runs, like QEMU's `SaveVMHandlers`
//! (`include/migration/register.h`); guest memory is one ([`Ram`](crate::ram::Ram)). A [`RawSection`] is saved and loaded
//! by handwritten code, like QEMU's old-style handlers. Both are registered with a
//! [`Machine`](crate::machine::Machine).

mod file_source;
mod live;
mod output;
mod piece;
mod placed;
mod raw;
// Only stores record places.
#[cfg_attr(not(all(unix, feature = "snapshot")), allow(dead_code))]
mod recorded;

pub(crate) use file_source::read_file;
pub use live::{LiveSection, Pending, SentPages};
pub(crate) use output::BorrowedPages;
pub use output::Output;
pub(crate) use piece::Piece;
pub use raw::RawSection;
#[cfg(all(unix, feature = "snapshot"))]
pub(crate) use recorded::Recorded;
pub(crate) use recorded::RecordedBlock;
