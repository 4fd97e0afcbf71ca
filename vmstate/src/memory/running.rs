//! The state of a dirty log.

use std::sync::atomic::{AtomicBool, Ordering};

use super::MemoryError;

/// The flag of a running log.
#[derive(Debug, Default)]
pub(crate) struct Running(AtomicBool);

impl Running {
    /// Marks the log as running, unless it is.
    pub(crate) fn start(&self) -> Result<(), MemoryError> {
        if self.0.swap(true, Ordering::AcqRel) { Err(MemoryError::AlreadyStarted) } else { Ok(()) }
    }

    pub(crate) fn stop(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Returns an error unless the log runs.
    pub(crate) fn check(&self) -> Result<(), MemoryError> {
        if self.0.load(Ordering::Acquire) { Ok(()) } else { Err(MemoryError::NotStarted) }
    }
}
