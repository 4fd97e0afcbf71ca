//! Sections that are not described devices: raw ones, written by hand, and live ones, sent in parts.
//!
//! A [`LiveSection`] is QEMU's `SaveVMHandlers` (`include/migration/register.h`); guest memory is one
//! ([`Ram`](crate::ram::Ram)). A [`RawSection`] is one of its old-style handlers. Both are registered with a
//! [`Machine`](crate::machine::Machine).

mod live;
mod output;
mod raw;

pub use live::{LiveSection, Pending};
pub(crate) use output::BorrowedPages;
pub use output::Output;
pub use raw::RawSection;
