//! The bitmaps of `vm-memory` as a dirty log.

use std::ops::Range;

use super::{GuestBlock, Region, SyncDirtyLog};
use crate::memory::{DirtyBitmap, DirtyLog, Layout, MemoryError, Running};

/// The dirty log of the regions' bitmaps, which record the writes that devices make through `vm-memory`.
///
/// vCPUs of KVM bypass the bitmaps: combine it with KVM's log or [`WriteProtect`](crate::memory::WriteProtect) as
/// [`CombinedLog`](crate::memory::CombinedLog).
#[derive(Debug)]
pub struct BitmapLog<R> {
    page_size: u64,
    blocks: Vec<GuestBlock<R>>,
    /// The pages that the bitmaps have reported and that were not collected.
    pending: Vec<DirtyBitmap>,
    running: Running,
}

impl<R: Region<Bitmap: SyncDirtyLog>> BitmapLog<R> {
    /// Creates a stopped log of `blocks`, which have the order of `layout`. Share the regions with the blocks of the
    /// machine.
    #[must_use]
    pub fn new(layout: &Layout, blocks: Vec<GuestBlock<R>>) -> Self {
        Self { page_size: layout.page_size().bytes(), blocks, pending: layout.bitmaps(), running: Running::default() }
    }

    /// Takes the dirty ranges of the bitmaps.
    fn sync(&self, block: &GuestBlock<R>, pending: &DirtyBitmap) {
        block.sync_dirty_log(&mut |bytes| {
            pending.insert_range(bytes.start / self.page_size..bytes.end.div_ceil(self.page_size));
        });
    }

    fn block(&self, block: usize) -> Result<(&GuestBlock<R>, &DirtyBitmap), MemoryError> {
        self.running.check()?;
        let found = self.blocks.get(block).zip(self.pending.get(block));
        found.ok_or(MemoryError::UnknownBlock { block, blocks: self.blocks.len() })
    }
}

impl<R: Region<Bitmap: SyncDirtyLog> + Send + Sync> DirtyLog for BitmapLog<R> {
    fn start(&self) -> Result<(), MemoryError> {
        self.running.start()?;
        for (block, pending) in self.blocks.iter().zip(&self.pending) {
            self.sync(block, pending);
            pending.clear();
        }
        Ok(())
    }

    fn collect(&self, block: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError> {
        let (block, pending) = self.block(block)?;
        self.sync(block, pending);
        pending.move_range(pages, dirty);
        Ok(())
    }

    fn put_back(&self, block: usize, pages: &DirtyBitmap) -> Result<(), MemoryError> {
        let (_, pending) = self.block(block)?;
        pending.insert_all(pages);
        Ok(())
    }

    fn stop(&self) -> Result<(), MemoryError> {
        self.running.stop();
        Ok(())
    }
}
