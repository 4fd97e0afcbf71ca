//! The undo log of guest memory, with which a failed load is rolled back.
//!
//! Pages are loaded in place. The size of the log is bounded by the stream, not by the memory:
//!
//! - A page that was zero needs one bit. A machine that was just created, whose memory is zero, costs nothing else.
//! - Any other page is copied when its data arrive: one page of memory for each page of the stream.
//! - A record of a zero page has nine bytes, so copying at its arrival would let a short stream make us copy all of a
//!   large memory. Such pages are deferred: they are filled at the end of the load, when nothing but the devices' hooks
//!   can fail.

use std::ops::Range;

use vmstate_types::LoadError;

use super::load::PageAddress;
use super::view::{view, zero_pages};
use super::zero::{is_filled, is_zero};
use crate::memory::{DirtyBitmap, MemoryError, PageSize, RamBlock};

/// Copies are held in chunks that never move. Each chunk is twice as large as the one before, up to this size.
const MAX_CHUNK: usize = 1 << 20;
/// The most bytes that are checked for zero at once: they fit into the L1 cache together with the incoming pages.
const MAX_LOOKAHEAD: u64 = 32 * 1024;
/// Each copy follows the number of its page.
const NUMBER: usize = size_of::<u64>();

/// The changes of a load to all blocks.
#[derive(Debug)]
pub(super) struct UndoLog {
    blocks: Vec<BlockLog>,
    page: Vec<u8>,
}

impl UndoLog {
    pub(super) fn new<B: RamBlock>(blocks: &[B], page_size: PageSize) -> Self {
        let page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
        let blocks = blocks.iter().map(|block| BlockLog::new(block.size().div_ceil(page_size.bytes()))).collect();
        Self { blocks, page }
    }

    /// Saves the page at `address` before data are loaded into it.
    pub(super) fn save<B: RamBlock>(&mut self, blocks: &mut [B], address: PageAddress) -> Result<(), LoadError> {
        let (Some(block), Some(log)) = (blocks.get_mut(address.block), self.blocks.get_mut(address.block)) else {
            return Ok(());
        };
        let page = address.offset / self.page.len() as u64;
        if !log.written.contains(page) {
            if !log.is_zero(block, page, self.page.len()) {
                log.copy(page, view(block, address.offset, &mut self.page).map_err(unreadable)?);
            }
            // Only now: a page without a copy counts as zero, so a failed copy must not leave it marked.
            log.written.insert(page);
        }
        // The data replace a fill that came before them.
        log.deferred.remove(page);
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
        log.deferred.remove(page);
        // A page that has the content already is not touched: the host may not have allocated it yet
        // (`ram_handle_zero` in QEMU's `migration/ram.c`).
        if fill == 0 && log.is_zero(block, page, self.page.len()) {
            return Ok(());
        }
        if !is_filled(view(block, address.offset, &mut self.page).map_err(unreadable)?, fill) {
            log.defer(page, fill);
        }
        Ok(())
    }

    /// Fills the pages that were deferred, and saves each of them before.
    pub(super) fn apply_deferred<B: RamBlock>(&mut self, blocks: &mut [B]) -> Result<(), LoadError> {
        for (block, log) in blocks.iter_mut().zip(&mut self.blocks) {
            let mut next = 0;
            while let Some(page) = log.deferred.take_from(next) {
                next = page + 1;
                let offset = page * self.page.len() as u64;
                log.copy(page, view(block, offset, &mut self.page).map_err(unreadable)?);
                log.written.insert(page);
                self.page.fill(log.fill_of(page));
                block.write(offset, &self.page)?;
            }
        }
        Ok(())
    }

    /// Restores all pages. Those without a copy were zero.
    ///
    /// A page that cannot be written is left as it is: it could be written during the load, and the caller reports the
    /// error of the load.
    pub(super) fn roll_back<B: RamBlock>(&mut self, blocks: &mut [B]) {
        let size = self.page.len();
        for (block, log) in blocks.iter_mut().zip(&mut self.blocks) {
            self.page.fill(0);
            for page in log.written.runs().flatten() {
                let _ = block.write(page * size as u64, &self.page);
            }
            log.written.clear();
            for chunk in log.copies.drain(..) {
                for copy in chunk.chunks_exact(NUMBER + size) {
                    let (number, bytes) = copy.split_at(NUMBER);
                    let page = number.try_into().map_or(0, u64::from_ne_bytes);
                    let _ = block.write(page * size as u64, bytes);
                }
            }
        }
    }
}

fn unreadable(error: MemoryError) -> LoadError {
    LoadError::rejected("readable memory, to restore it if the load fails", error)
}

/// The changes of a load to one block.
#[derive(Debug)]
struct BlockLog {
    /// The pages that were written. Each has a copy, or was zero.
    written: DirtyBitmap,
    /// The pages to fill at the end.
    deferred: DirtyBitmap,
    /// The byte to fill each page with. Empty as long as all are zero, which they are in streams since 2009.
    fills: Vec<u8>,
    /// Copies of pages before they were written.
    copies: Vec<Vec<u8>>,
    /// Pages that were zero when they were checked, and still are unless they were written.
    zero: Range<u64>,
    /// The number of pages of the last check.
    lookahead: u64,
}

impl BlockLog {
    fn new(pages: u64) -> Self {
        let (written, deferred) = (DirtyBitmap::new(pages), DirtyBitmap::new(pages));
        Self { written, deferred, fills: Vec::new(), copies: Vec::new(), zero: 0..0, lookahead: 1 }
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

    fn copy(&mut self, page: u64, bytes: &[u8]) {
        if is_zero(bytes) {
            return;
        }
        let room = NUMBER + bytes.len();
        let (capacity, used) = self.copies.last().map_or((0, 0), |chunk| (chunk.capacity(), chunk.len()));
        if capacity - used < room {
            self.copies.push(Vec::with_capacity((2 * capacity).clamp(room, MAX_CHUNK.max(room))));
        }
        if let Some(chunk) = self.copies.last_mut() {
            chunk.extend_from_slice(&page.to_ne_bytes());
            chunk.extend_from_slice(bytes);
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memory::VecBlock;

    const PAGE: usize = 256;

    fn memory() -> Vec<VecBlock> {
        let bytes =
            (0..8 * PAGE).map(|index| if (index / PAGE).is_multiple_of(2) { 0 } else { (index % 251) as u8 }).collect();
        vec![VecBlock::new("a", bytes), VecBlock::new("b", vec![0; 8 * PAGE])]
    }

    proptest! {
        #[test]
        fn rollback_restores_all_pages(
            steps in prop::collection::vec((0..2_usize, 0..8_u64, any::<Option<u8>>(), 0..4_u8), 0..40),
        ) {
            let (mut loaded, before) = (memory(), memory());
            let expected = memory();
            let mut undo = UndoLog::new(&loaded, PageSize::new(PAGE as u64).unwrap());
            for (block, page, data, fill) in steps {
                let offset = page * PAGE as u64;
                let bytes = [data.unwrap_or(fill); PAGE];
                let address = PageAddress { block, offset };
                match data {
                    Some(_) => {
                        undo.save(&mut loaded, address).unwrap();
                        loaded[block].write(offset, &bytes).unwrap();
                    }
                    None => undo.fill(&mut loaded, address, fill).unwrap(),
                }
                expected[block].write(offset, &bytes).unwrap();
            }
            undo.apply_deferred(&mut loaded).unwrap();
            prop_assert_eq!(&loaded, &expected);
            undo.roll_back(&mut loaded);
            prop_assert_eq!(&loaded, &before);
        }
    }

    #[test]
    fn consecutive_pages_are_checked_together() {
        let mut memory = [VecBlock::new("a", vec![0; 1000 * PAGE])];
        let mut undo = UndoLog::new(&memory, PageSize::new(PAGE as u64).unwrap());
        let mut checks = Vec::new();
        for page in 0..1000 {
            undo.save(&mut memory, PageAddress { block: 0, offset: page * PAGE as u64 }).unwrap();
            checks.push(undo.blocks[0].zero.clone());
        }
        checks.dedup();
        assert!(checks.len() < 20, "{checks:?}");
        assert_eq!(checks.last().map(|last| last.end), Some(1000));
    }

    #[test]
    fn zero_records_copy_nothing_before_the_end() {
        let mut memory = memory();
        let mut undo = UndoLog::new(&memory, PageSize::new(PAGE as u64).unwrap());
        for page in 0..8 {
            undo.fill(&mut memory, PageAddress { block: 0, offset: page * PAGE as u64 }, 0).unwrap();
        }
        assert!(undo.blocks[0].copies.is_empty());
        undo.apply_deferred(&mut memory).unwrap();
        assert!(memory[0].bytes().iter().all(|byte| *byte == 0));
    }
}
