//! The undo log of guest memory, with which a failed load is rolled back.
//!
//! Pages are loaded in place. The size of the log is bounded by the stream, not by the memory:
//!
//! - Pages that were zero need one bit each, and an entry for each run of them. A machine that was just created, whose
//!   memory is zero, costs nothing else.
//! - Any other page is copied when its data arrive: one page of memory for each page of the stream.
//! - A record of a zero page has nine bytes, so copying at its arrival would let a short stream make us copy all of a
//!   large memory. Such pages are deferred: they are filled at the end of the load, when nothing but the devices' hooks
//!   can fail.
//!
//! - The same holds for changes to a page (XBZRLE) that has not arrived with data: they are deferred, too.
//!
//! A rollback restores pages in the reverse order of their writes. Blocks may share memory: its oldest content is in the
//! log of the first write.

use std::ops::Range;

use vmstate_types::LoadError;

use super::load::{PageAddress, patch};
use super::patches::{Patch, Patches};
use super::view::{is_filled_at, view, zero_pages};
use super::zero::is_zero;
use crate::memory::{DirtyBitmap, MemoryError, PageSize, RamBlock};

/// Copies are held in chunks that never move. Each chunk is twice as large as the one before, up to this size.
const MAX_CHUNK: usize = 1 << 20;
/// The most bytes that are checked for zero at once: they fit into the L1 cache together with the incoming pages.
const MAX_LOOKAHEAD: u64 = 32 * 1024;

/// The changes of a load to all blocks.
#[derive(Debug)]
pub(super) struct UndoLog {
    blocks: Vec<BlockLog>,
    writes: Writes,
    page: Vec<u8>,
}

impl UndoLog {
    pub(super) fn new<B: RamBlock>(blocks: &[B], page_size: PageSize) -> Self {
        let page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
        let blocks = blocks.iter().map(|block| BlockLog::new(block.size().div_ceil(page_size.bytes()))).collect();
        Self { blocks, writes: Writes::default(), page }
    }

    /// Returns the page size in bytes.
    pub(super) fn page_size(&self) -> usize {
        self.page.len().max(1)
    }

    /// Saves the page at `address` before data are loaded into it.
    pub(super) fn save<B: RamBlock>(&mut self, blocks: &mut [B], address: PageAddress) -> Result<(), LoadError> {
        let (Some(block), Some(log)) = (blocks.get_mut(address.block), self.blocks.get_mut(address.block)) else {
            return Ok(());
        };
        let page = address.offset / self.page.len() as u64;
        if !log.written.contains(page) {
            if log.is_zero(block, page, self.page.len()) {
                self.writes.push(address.block, page, &[]);
            } else {
                let bytes = view(block, address.offset, &mut self.page).map_err(unreadable)?;
                self.writes.push(address.block, page, bytes);
            }
            log.written.insert(page);
        }
        // The data replace a fill and changes that came before them.
        log.deferred.remove(page);
        log.patches.forget(page);
        Ok(())
    }

    /// Fills the page at `address`, now or at the end of the load.
    pub(super) fn fill<B: RamBlock>(
        &mut self,
        blocks: &mut [B],
        address: PageAddress,
        fill: u8,
    ) -> Result<(), LoadError> {
        let (Some(block), Some(log)) = (blocks.get_mut(address.block), self.blocks.get_mut(address.block)) else {
            return Ok(());
        };
        let page = address.offset / self.page.len() as u64;
        if log.written.contains(page) {
            self.page.fill(fill);
            return Ok(block.write(address.offset, &self.page)?);
        }
        if log.patches.filled(page) {
            log.defer(page, fill);
            return Ok(());
        }
        log.deferred.remove(page);
        // A page that has the content already is not touched: the host may not have allocated it yet
        // (`ram_handle_zero` in QEMU's `migration/ram.c`).
        if fill == 0 && log.is_zero(block, page, self.page.len()) {
            return Ok(());
        }
        if !is_filled_at(block, address.offset, fill, &mut self.page).map_err(unreadable)? {
            log.defer(page, fill);
        }
        Ok(())
    }

    /// Applies changes to the page at `address`, now or at the end of the load.
    pub(super) fn patch<B: RamBlock>(
        &mut self,
        blocks: &mut [B],
        address: PageAddress,
        delta: &[u8],
    ) -> Result<(), LoadError> {
        let (Some(block), Some(log)) = (blocks.get(address.block), self.blocks.get_mut(address.block)) else {
            return Ok(());
        };
        let page = address.offset / self.page.len() as u64;
        if log.written.contains(page) {
            return patch(block, address.offset, delta, self.page.len());
        }
        log.patches.push(page, delta);
        Ok(())
    }

    /// Fills and changes the pages that were deferred, and saves each of them before.
    pub(super) fn apply_deferred<B: RamBlock>(&mut self, blocks: &mut [B]) -> Result<(), LoadError> {
        for (index, (block, log)) in blocks.iter_mut().zip(&mut self.blocks).enumerate() {
            let mut next = 0;
            while let Some(page) = log.deferred.take_from(next) {
                next = page + 1;
                let offset = page * self.page.len() as u64;
                self.writes.push(index, page, view(block, offset, &mut self.page).map_err(unreadable)?);
                log.written.insert(page);
                self.page.fill(log.fill_of(page));
                block.write(offset, &self.page)?;
            }
            let patches = std::mem::replace(&mut log.patches, Patches::new(0));
            for (page, change) in patches.iter() {
                let offset = page * self.page.len() as u64;
                if !log.written.contains(page) {
                    self.writes.push(index, page, view(block, offset, &mut self.page).map_err(unreadable)?);
                    log.written.insert(page);
                }
                match change {
                    Patch::Changes(delta) => patch(block, offset, delta, self.page.len())?,
                    Patch::Filled => {
                        self.page.fill(log.fill_of(page));
                        block.write(offset, &self.page)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Restores all pages, the last written one first.
    ///
    /// # Errors
    /// Returns the first error if pages cannot be written. The others are restored nevertheless.
    pub(super) fn roll_back<B: RamBlock>(&mut self, blocks: &mut [B]) -> Result<(), LoadError> {
        let mut outcome = Ok(());
        while let Some(PageId { block, page }) = self.writes.pop(&mut self.page) {
            let offset = page * self.page.len() as u64;
            let restored = blocks.get_mut(block).map_or(Ok(()), |block| block.write(offset, &self.page));
            outcome = outcome.and(restored.map_err(LoadError::from));
        }
        outcome
    }
}

fn unreadable(error: MemoryError) -> LoadError {
    LoadError::rejected("readable memory, to restore it if the load fails", error)
}

/// The changes of a load to one block.
#[derive(Debug)]
struct BlockLog {
    /// The pages that were written.
    written: DirtyBitmap,
    /// The pages to fill at the end.
    deferred: DirtyBitmap,
    /// The changes to apply at the end.
    patches: Patches,
    /// The byte to fill each page with. Empty as long as all are zero, which they are in streams since 2009.
    fills: Vec<u8>,
    /// Pages that were zero when they were checked, and still are unless they were written.
    zero: Range<u64>,
    /// The number of pages of the last check.
    lookahead: u64,
}

impl BlockLog {
    fn new(pages: u64) -> Self {
        let (written, deferred) = (DirtyBitmap::new(pages), DirtyBitmap::new(pages));
        Self { written, deferred, patches: Patches::new(pages), fills: Vec::new(), zero: 0..0, lookahead: 1 }
    }

    /// Returns whether a page that was not written is zero.
    ///
    /// While pages arrive in order, each check doubles the number of pages that are checked with it: the processor then
    /// prefetches them in one stream, instead of missing the cache for each page.
    fn is_zero<B: RamBlock>(&mut self, block: &mut B, page: u64, size: usize) -> bool {
        if self.zero.contains(&page) {
            return true;
        }
        let bytes = size as u64;
        let left = (block.size() / bytes).saturating_sub(page);
        let most = (MAX_LOOKAHEAD / bytes).min(left).max(1);
        self.lookahead = if self.zero.end == page { most.min(2 * self.lookahead) } else { 1 };
        let length = usize::try_from(self.lookahead).map_or(size, |pages| pages * size);
        self.zero = page..page + zero_pages(block, page * bytes, length, size);
        !self.zero.is_empty()
    }

    fn defer(&mut self, page: u64, fill: u8) {
        self.deferred.insert(page);
        if fill != 0 && self.fills.is_empty() {
            self.fills = vec![0; usize::try_from(self.deferred.pages()).unwrap_or(0)];
        }
        if let Some(byte) = usize::try_from(page).ok().and_then(|page| self.fills.get_mut(page)) {
            *byte = fill;
        }
    }

    fn fill_of(&self, page: u64) -> u8 {
        usize::try_from(page).ok().and_then(|page| self.fills.get(page)).copied().unwrap_or(0)
    }
}

/// The first writes to all pages, in order, with the content of the pages before.
#[derive(Debug, Default)]
struct Writes {
    runs: Vec<Run>,
    /// The content of the pages that were not zero, in the same order.
    copies: Vec<Vec<u8>>,
}

/// Writes to consecutive pages of a block, which all were zero, or all have copies.
#[derive(Debug)]
struct Run {
    block: usize,
    pages: Range<u64>,
    zero: bool,
}

/// A page of a block.
#[derive(Debug, PartialEq, Eq)]
struct PageId {
    block: usize,
    page: u64,
}

impl Writes {
    /// Appends a write to a page with the content `bytes`, which are empty if it is known to be zero.
    fn push(&mut self, block: usize, page: u64, bytes: &[u8]) {
        let zero = is_zero(bytes);
        if !zero {
            self.copy(bytes);
        }
        match self.runs.last_mut() {
            Some(run) if (run.block, run.pages.end, run.zero) == (block, page, zero) => run.pages.end += 1,
            _ => self.runs.push(Run { block, pages: page..page + 1, zero }),
        }
    }

    fn copy(&mut self, bytes: &[u8]) {
        let (capacity, used) = self.copies.last().map_or((0, 0), |chunk| (chunk.capacity(), chunk.len()));
        if capacity - used < bytes.len() {
            self.copies.push(Vec::with_capacity((2 * capacity).clamp(bytes.len(), MAX_CHUNK.max(bytes.len()))));
        }
        if let Some(chunk) = self.copies.last_mut() {
            chunk.extend_from_slice(bytes);
        }
    }

    /// Removes the last write, and copies the content before it to `bytes`, which have the size of a page.
    fn pop(&mut self, bytes: &mut [u8]) -> Option<PageId> {
        let run = self.runs.last_mut()?;
        let (block, page) = (run.block, run.pages.next_back()?);
        let (zero, empty) = (run.zero, run.pages.is_empty());
        if empty {
            self.runs.pop();
        }
        if zero {
            bytes.fill(0);
        } else {
            self.pop_copy(bytes);
        }
        Some(PageId { block, page })
    }

    fn pop_copy(&mut self, bytes: &mut [u8]) {
        let Some(chunk) = self.copies.last_mut() else { return };
        let start = chunk.len().saturating_sub(bytes.len());
        bytes.copy_from_slice(&chunk[start..]);
        chunk.truncate(start);
        if chunk.is_empty() {
            self.copies.pop();
        }
    }
}

#[cfg(test)]
mod tests;
