//! The dirty log of an emulator, which marks the pages it writes.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::running::Running;
use super::{DirtyBitmap, DirtyLog, Layout, MemoryError};

/// A [`DirtyLog`] of marks that an emulator sets after each store.
///
/// It has one byte for each page and not one bit, because setting a byte needs no read-modify-write operation: a store of
/// the guest costs one more store. The emulator marks pages whether or not the log runs, which is faster than a check.
#[derive(Debug)]
pub struct Marked {
    /// The logarithm of the page size.
    shift: u32,
    blocks: Box<[Marks]>,
    running: Running,
}

/// The marks of a block.
#[derive(Debug)]
struct Marks {
    /// One byte for each page, nonzero if it was written.
    bytes: Box<[AtomicU8]>,
    put_back: DirtyBitmap,
    /// The number of times that marks were taken.
    collections: AtomicU64,
}

impl Marked {
    /// Creates a stopped log.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        let marks = |block| Marks {
            bytes: (0..layout.pages(block)).map(|_| AtomicU8::new(0)).collect(),
            put_back: DirtyBitmap::new(layout.pages(block)),
            collections: AtomicU64::new(0),
        };
        let shift = layout.page_size().bytes().trailing_zeros();
        Self { shift, blocks: (0..layout.blocks().len()).map(marks).collect(), running: Running::default() }
    }

    /// Marks the pages of `length` bytes that were written at `offset` in a block.
    ///
    /// Call it after the store. Bytes outside of the block are ignored.
    #[inline]
    pub fn mark(&self, block: usize, offset: u64, length: u64) {
        let Some(marks) = self.blocks.get(block) else { return };
        let (first, last) = (offset >> self.shift, offset.saturating_add(length.saturating_sub(1)) >> self.shift);
        marks.set(first);
        if last != first {
            (first + 1..=last).take_while(|page| marks.set(*page)).for_each(drop);
        }
    }
}

impl Marked {
    /// Returns the number of pages of a block that are marked: written, and not collected since then. Emulators that limit the
    /// rate of writes compare it before and after a part of the guest's run.
    #[must_use]
    pub fn marked(&self, block: usize) -> u64 {
        let marks = self.blocks.get(block).map_or(&[][..], |marks| &marks.bytes);
        marks.iter().map(|mark| u64::from(mark.load(Ordering::Relaxed))).sum()
    }

    /// Returns how often the pages of a block were collected. If the number changes between two calls of
    /// [`marked`](Self::marked), their difference is not the number of pages that were written.
    #[must_use]
    pub fn collections(&self, block: usize) -> u64 {
        self.blocks.get(block).map_or(0, |marks| marks.collections.load(Ordering::Acquire))
    }
}

impl Marks {
    /// Marks a page. Returns whether it exists.
    #[inline]
    fn set(&self, page: u64) -> bool {
        let mark = usize::try_from(page).ok().and_then(|page| self.bytes.get(page));
        // Release: a collector that takes the mark sees the store before it. The mark is set even if it is set already,
        // because a check would be a load that a processor may execute before the store is visible.
        mark.inspect(|mark| mark.store(1, Ordering::Release)).is_some()
    }
}

impl Marks {
    /// Takes the marks of `pages`.
    fn take(&self, pages: Range<u64>, dirty: &DirtyBitmap) {
        let index = |page| usize::try_from(page).unwrap_or(usize::MAX).min(self.bytes.len());
        let (start, end) = (index(pages.start), index(pages.end));
        for (page, mark) in (start as u64..).zip(self.bytes.get(start..end).unwrap_or_default()) {
            // Acquire pairs with the release of `set`. Stores of several vCPUs are visible after the swap too, because
            // processors with multi-copy atomicity (x86-64, Armv8, RISC-V) order them before the last mark.
            if mark.load(Ordering::Relaxed) != 0 && mark.swap(0, Ordering::AcqRel) != 0 {
                dirty.insert(page);
            }
        }
        self.collections.fetch_add(1, Ordering::Release);
    }
}

impl DirtyLog for Marked {
    fn start(&self) -> Result<(), MemoryError> {
        self.running.start()?;
        for marks in &self.blocks {
            marks.bytes.iter().for_each(|mark| mark.store(0, Ordering::Release));
            marks.put_back.clear();
        }
        Ok(())
    }

    fn collect(&self, block: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError> {
        let marks = self.block(block)?;
        marks.put_back.move_range(pages.clone(), dirty);
        marks.take(pages, dirty);
        Ok(())
    }

    fn put_back(&self, block: usize, pages: &DirtyBitmap) -> Result<(), MemoryError> {
        self.block(block)?.put_back.insert_all(pages);
        Ok(())
    }

    fn stop(&self) -> Result<(), MemoryError> {
        self.running.stop();
        Ok(())
    }
}

impl Marked {
    fn block(&self, block: usize) -> Result<&Marks, MemoryError> {
        self.running.check()?;
        let blocks = self.blocks.len();
        self.blocks.get(block).ok_or(MemoryError::UnknownBlock { block, blocks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{PageSize, VecBlock};
    use std::iter::once;

    fn log() -> (Layout, Marked) {
        let layout = Layout::new(PageSize::DEFAULT, [VecBlock::new("ram", vec![0; 10 << 12])]).unwrap();
        let log = Marked::new(&layout);
        log.start().unwrap();
        (layout, log)
    }

    fn collected(log: &Marked, pages: Range<u64>) -> Vec<Range<u64>> {
        let dirty = DirtyBitmap::new(10);
        log.collect(0, pages, &dirty).unwrap();
        dirty.runs().collect()
    }

    #[test]
    fn each_page_is_reported_once() {
        let (_, log) = log();
        log.mark(0, 0x1ffe, 4);
        log.mark(0, 0x9fff, 100);
        log.mark(0, 0x5000, 1);
        log.mark(1, 0, 1);
        assert_eq!((log.marked(0), log.marked(1), log.collections(0)), (4, 0, 0));
        assert_eq!(collected(&log, 0..5), Vec::from_iter(once(1..3)));
        assert_eq!((log.marked(0), log.collections(0), log.collections(1)), (2, 1, 0));
        assert_eq!(collected(&log, 0..u64::MAX), [5..6, 9..10]);
        assert_eq!(collected(&log, 0..10), []);
    }

    #[test]
    fn pages_put_back_are_reported_again() {
        let (layout, log) = log();
        let dirty = layout.bitmaps();
        dirty[0].insert_range(3..7);
        log.put_back(0, &dirty[0]).unwrap();
        assert_eq!(collected(&log, 0..5), Vec::from_iter(once(3..5)));
        assert_eq!(collected(&log, 0..10), Vec::from_iter(once(5..7)));
    }

    #[test]
    fn start_forgets_earlier_stores() {
        let (layout, log) = log();
        log.mark(0, 0, 1);
        assert!(matches!(log.start(), Err(MemoryError::AlreadyStarted)));
        log.stop().unwrap();
        assert!(matches!(log.collect(0, 0..1, &layout.bitmaps()[0]), Err(MemoryError::NotStarted)));
        log.mark(0, 0x1000, 1);
        log.start().unwrap();
        assert_eq!(collected(&log, 0..10), []);
        assert!(matches!(
            log.put_back(1, &layout.bitmaps()[0]),
            Err(MemoryError::UnknownBlock { block: 1, blocks: 1 })
        ));
    }
}
