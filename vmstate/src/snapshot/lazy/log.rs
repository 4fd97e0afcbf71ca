//! The log of the writes of a guest that is being restored.

use std::sync::Arc;

use crate::memory::{BegunPages, KeptFaults, MemoryError, PageSize, SharedBlock, WriteProtect};

/// A log that is running, and the faults that it keeps when all pages are present.
#[derive(Clone)]
pub(super) struct RestoreLog {
    pub(super) log: Arc<WriteProtect>,
    pub(super) faults: Arc<KeptFaults>,
}

impl RestoreLog {
    pub(super) fn new(
        page_size: PageSize,
        blocks: Vec<SharedBlock>,
        begun: Arc<BegunPages>,
    ) -> Result<Self, MemoryError> {
        let faults = Arc::new(KeptFaults::default());
        let log = WriteProtect::of_missing(page_size, blocks, faults.clone(), begun)?;
        Ok(Self { log: Arc::new(log), faults })
    }
}
