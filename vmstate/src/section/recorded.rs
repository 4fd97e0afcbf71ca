//! The places of guest memory in a file that is written, for the store that has created the file.

use std::sync::{Arc, Mutex, PoisonError};

use crate::memory::{Changes, DirtyBitmap};

/// Records the places of guest memory in a file, and restricts the memory in it to changed pages.
#[derive(Debug, Default)]
pub(crate) struct Recorded<'c> {
    changes: Option<&'c Changes>,
    blocks: Mutex<Vec<RecordedBlock>>,
}

/// A block with its places.
#[derive(Debug, Clone)]
pub(crate) struct RecordedBlock {
    pub(crate) idstr: String,
    pub(crate) size: u64,
    pub(crate) page_size: u64,
    /// The place of the bitmap of the pages that the file contains.
    pub(crate) bitmap: u64,
    /// The place of the first page.
    pub(crate) pages: u64,
    /// The pages about which the file decides: they are in the file, or zero. `None` if these are all pages.
    pub(crate) covered: Option<Arc<DirtyBitmap>>,
}

impl<'c> Recorded<'c> {
    pub(crate) fn new(changes: Option<&'c Changes>) -> Self {
        Self { changes, blocks: Mutex::default() }
    }

    /// Records a block. Returns the pages that the file has to contain, unless these are all pages.
    pub(crate) fn add(&self, mut block: RecordedBlock) -> Option<Arc<DirtyBitmap>> {
        let pages = block.size.div_ceil(block.page_size);
        let changed = self.changes.map(|changes| changes.of_block(&block.idstr, block.page_size, pages));
        block.covered = changed.map(Arc::new);
        let covered = block.covered.clone();
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).push(block);
        covered
    }

    pub(crate) fn into_blocks(self) -> Vec<RecordedBlock> {
        self.blocks.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
