//! Logs of written pages.

use std::ops::Range;
use std::sync::Arc;

use super::{DirtyBitmap, MemoryError};

/// A log of the pages that a running guest writes.
///
/// Blocks are numbered as in the [`Layout`](super::Layout) that the log was created for, and pages are target pages. A log
/// may report pages that were not written, for example all target pages of a larger host page, but never misses one: a
/// page that is written after `collect` has cleared it is reported by the next `collect`. Therefore collect first, then
/// read the pages.
///
/// Logs can fail, for example because memory was unmapped. Then the set of dirty pages is unknown: stop the log, start it
/// again and send all memory again, or give up the migration; the guest is not affected.
pub trait DirtyLog: Send + Sync {
    /// Starts the log: pages that are written from now on are reported.
    ///
    /// # Errors
    /// Returns an error if the log is running already or the system rejects it; then nothing has changed.
    fn start(&self) -> Result<(), MemoryError>;

    /// Adds the written pages of `pages` in a block to `dirty`, and clears their log. Several threads can collect
    /// different pages.
    ///
    /// # Errors
    /// Returns an error if the log is not running, the block is unknown, or the system cannot report its pages.
    fn collect(&self, block: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError>;

    /// Puts pages back that were collected and not sent: the next `collect` reports them again.
    ///
    /// # Errors
    /// Returns an error if the log is not running or the block is unknown.
    fn put_back(&self, block: usize, pages: &DirtyBitmap) -> Result<(), MemoryError>;

    /// Stops the log and forgets its pages. The guest is no longer slowed down.
    ///
    /// # Errors
    /// Returns an error if the system rejects it. The log counts as stopped anyway.
    fn stop(&self) -> Result<(), MemoryError>;
}

/// Forwards all methods.
macro_rules! forward {
    ($($type:ty),*) => {$(
        impl<L: DirtyLog + ?Sized> DirtyLog for $type {
            fn start(&self) -> Result<(), MemoryError> {
                (**self).start()
            }

            fn collect(&self, block: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError> {
                (**self).collect(block, pages, dirty)
            }

            fn put_back(&self, block: usize, pages: &DirtyBitmap) -> Result<(), MemoryError> {
                (**self).put_back(block, pages)
            }

            fn stop(&self) -> Result<(), MemoryError> {
                (**self).stop()
            }
        }
    )*};
}

forward!(&L, Arc<L>);
