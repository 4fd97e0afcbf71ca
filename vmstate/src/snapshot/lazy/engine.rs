//! Reads pages of a file into missing pages of the guest.

use std::io::ErrorKind;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::accessed::Accessed;
use super::source::LazySource;
use super::working_set::WorkingSet;
use crate::memory::{DirtyBitmap, Fault, MemoryError, MissingPages, SharedBlock};
use crate::ram::PagesInFile;
use crate::snapshot::error::shown;
use crate::snapshot::{StoreError, StoreErrorKind};

/// The bytes that are read at once in the background.
pub(super) const CHUNK: u64 = 256 * 1024;

/// The ranges of a working set of which the system is told before they are read.
const AHEAD: usize = 64;

/// Permits to read a chunk, as long as the result exists.
type Permit<'p, R> = &'p dyn Fn() -> Option<R>;

/// A block whose pages are in the file.
struct LazyBlock {
    block: SharedBlock,
    pages: PagesInFile,
    /// The host pages that were placed.
    placed: DirtyBitmap,
    /// The host pages that the guest has accessed before they were placed, now or after earlier restores.
    working_set: Accessed,
}

/// The pages, and the counters.
pub(super) struct Engine {
    source: Arc<LazySource>,
    page_size: u64,
    blocks: Vec<LazyBlock>,
    pub(super) faults: AtomicU64,
    pub(super) prefetched: AtomicU64,
}

impl Engine {
    pub(super) fn new(
        source: Arc<LazySource>,
        page_size: u64,
        blocks: &[SharedBlock],
        found: Vec<PagesInFile>,
    ) -> Self {
        let blocks = found.into_iter().filter_map(|pages| {
            let block = blocks.get(pages.block)?.clone();
            let host_pages = block.size() / block.host_page_size();
            let (placed, working_set) = (DirtyBitmap::new(host_pages), Accessed::new(host_pages));
            Some(LazyBlock { block, pages, placed, working_set })
        });
        let (faults, prefetched) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { source, page_size, blocks: blocks.collect(), faults, prefetched }
    }

    pub(super) fn blocks(&self) -> Vec<SharedBlock> {
        self.blocks.iter().map(|block| block.block.clone()).collect()
    }

    /// Resolves a fault.
    pub(super) fn fault(&self, pages: &MissingPages, fault: &Fault, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        let Some(block) = self.blocks.get(fault.block) else { return Ok(()) };
        let (page, bytes) = (fault.offset / block.page_size(), fault.offset..fault.offset + block.page_size());
        if block.placed.contains(page) {
            // Placed meanwhile, or discarded by the guest (a balloon) after that.
            return self.place_zeros(pages, fault);
        }
        self.faults.fetch_add(1, Ordering::Relaxed);
        block.working_set.insert(page..page + 1);
        self.place(pages, fault.block, bytes, buffer)
    }

    /// Resolves a fault of a page that the file does not have.
    pub(super) fn place_zeros(&self, pages: &MissingPages, fault: &Fault) -> Result<(), StoreError> {
        let Some(block) = self.blocks.get(fault.block) else { return Ok(()) };
        let bytes = fault.offset..fault.offset + block.page_size();
        pages.place_zeros(fault.block, bytes).map(drop).map_err(|error| self.not_placed(block, &error))
    }

    /// Reads whole host pages of a block, and places them. Pages that were placed before are unchanged.
    fn place(
        &self,
        pages: &MissingPages,
        index: usize,
        bytes: Range<u64>,
        buffer: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let Some(block) = self.blocks.get(index) else { return Ok(()) };
        let placed = match self.read(block, &bytes, buffer)? {
            true => pages.place(index, bytes.start, buffer),
            false => pages.place_zeros(index, bytes.clone()),
        };
        placed.map_err(|error| self.not_placed(block, &error))?;
        // Only now: a fault on a page that was placed is resolved with zeros.
        block.placed.insert_range(block.host_pages(&bytes));
        Ok(())
    }

    /// Reads pages into the buffer. Returns `false` if all of them are zero.
    fn read(&self, block: &LazyBlock, bytes: &Range<u64>, buffer: &mut Vec<u8>) -> Result<bool, StoreError> {
        let wanted = bytes.start / self.page_size..bytes.end.div_ceil(self.page_size);
        buffer.clear();
        buffer.resize(usize::try_from(bytes.end - bytes.start).unwrap_or(0), 0);
        let mut next = wanted.start;
        while let Some(run) = block.pages.present.run_from(next, wanted.end - next).filter(|run| run.start < wanted.end)
        {
            // A target page can be larger than the host page that is read.
            let start = (run.start * self.page_size).max(bytes.start);
            let end = (run.end.min(wanted.end) * self.page_size).min(bytes.end);
            let [from, to] = [start, end].map(|offset| usize::try_from(offset - bytes.start).unwrap_or(usize::MAX));
            let part = buffer.get_mut(from..to).unwrap_or_default();
            let read = self.source.read_exact_at(part, block.pages.place.saturating_add(start));
            read.map_err(|error| self.unreadable(block, start, error))?;
            next = run.end.min(wanted.end);
        }
        Ok(next != wanted.start)
    }

    /// Places the pages of the recorded working set in its order, and includes them in the next one.
    pub(super) fn prefetch<R>(&self, pages: &MissingPages, reading: Permit<'_, R>) -> Result<(), StoreError> {
        let set = self.source.working_set();
        let mut buffer = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let ranges = || set.ranges(block.block.idstr(), block.block.size(), block.page_size());
            let mut ahead = ranges();
            ahead.by_ref().take(AHEAD).for_each(|range| self.announce(block, &range));
            for range in ranges() {
                if let Some(later) = ahead.next() {
                    self.announce(block, &later);
                }
                block.working_set.insert(block.host_pages(&range));
                let placed = self.place_missing(pages, index, range, &mut buffer, reading)?;
                self.prefetched.fetch_add(placed, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Lets the system read a range of a block from the disk, which can be in another order than the file.
    fn announce(&self, block: &LazyBlock, range: &Range<u64>) {
        self.source.will_read(block.pages.place.saturating_add(range.start), range.end - range.start);
    }

    /// Places all pages that the file contains.
    pub(super) fn place_all<R>(&self, pages: &MissingPages, reading: Permit<'_, R>) -> Result<(), StoreError> {
        let mut buffer = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let mut next = 0;
            while let Some(run) = block.pages.present.run_from(next, u64::MAX) {
                let host = block.page_size();
                let start = run.start * self.page_size / host * host;
                let end = (run.end * self.page_size).next_multiple_of(host).min(block.block.size());
                self.place_missing(pages, index, start..end, &mut buffer, reading)?;
                next = run.end;
            }
        }
        Ok(())
    }

    /// Places the pages of a range that were not placed yet, in chunks, as long as reads are permitted. Returns the number of
    /// host pages.
    fn place_missing<R>(
        &self,
        pages: &MissingPages,
        index: usize,
        bytes: Range<u64>,
        buffer: &mut Vec<u8>,
        reading: Permit<'_, R>,
    ) -> Result<u64, StoreError> {
        let Some(block) = self.blocks.get(index) else { return Ok(0) };
        let step = CHUNK.max(block.page_size());
        let (mut next, mut placed) = (bytes.start, 0);
        while next < bytes.end {
            let Some(_reading) = reading() else { break };
            let chunk = next..(next + step).min(bytes.end);
            next = chunk.end;
            for run in block.missing(&chunk) {
                placed += (run.end - run.start) / block.page_size();
                self.place(pages, index, run, buffer)?;
            }
        }
        Ok(placed)
    }

    /// Counts the host pages that were placed.
    pub(super) fn placed(&self) -> u64 {
        self.blocks.iter().map(|block| block.placed.count()).sum()
    }

    /// Wakes all threads that wait for pages: they access them again.
    pub(super) fn wake(&self, pages: &MissingPages) -> Result<(), StoreError> {
        self.blocks.iter().enumerate().try_for_each(|(index, block)| {
            pages.wake(index, 0..block.block.size()).map_err(|error| self.not_placed(block, &error))
        })
    }

    /// Records the working set next to the snapshot.
    pub(super) fn record(&self) -> Result<(), StoreError> {
        let mut set = WorkingSet::default();
        for block in &self.blocks {
            let size = block.page_size();
            let ranges = block.working_set.in_order();
            set.insert(block.block.idstr(), ranges.iter().map(|run| run.start * size..run.end * size));
        }
        self.source.record(&set)
    }

    fn unreadable(&self, block: &LazyBlock, offset: u64, error: std::io::Error) -> StoreError {
        let (path, name) = (self.source.path().display(), shown(block.block.idstr()));
        let reason = match error.kind() {
            ErrorKind::UnexpectedEof => "; the file is shorter than when the restore began",
            _ => "",
        };
        let message = format!(
            "cannot read page {offset:#x} of RAM block `{name}` from `{path}`{reason}; the guest waits for the page: \
             repair the file and retry, or end the guest"
        );
        StoreError::new(StoreErrorKind::Io, message).with_source(error)
    }

    fn not_placed(&self, block: &LazyBlock, error: &MemoryError) -> StoreError {
        let (path, name) = (self.source.path().display(), shown(block.block.idstr()));
        let message =
            format!("cannot place pages of RAM block `{name}` from `{path}`; the guest waits for them: {error}");
        StoreError::new(StoreErrorKind::Io, message)
    }
}

impl LazyBlock {
    /// Returns the size of a host page.
    fn page_size(&self) -> u64 {
        self.block.host_page_size()
    }

    fn host_pages(&self, bytes: &Range<u64>) -> Range<u64> {
        bytes.start / self.page_size()..bytes.end / self.page_size()
    }

    /// Returns the parts of a range that were not placed.
    fn missing(&self, bytes: &Range<u64>) -> Vec<Range<u64>> {
        let pages = self.host_pages(bytes);
        let (mut missing, mut next) = (Vec::new(), pages.start);
        let mut add = |start: u64, end: u64| {
            if start < end {
                missing.push(start * self.page_size()..end * self.page_size());
            }
        };
        while let Some(run) = self.placed.run_from(next, pages.end - next).filter(|run| run.start < pages.end) {
            add(next, run.start);
            next = run.end.min(pages.end);
        }
        add(next, pages.end);
        missing
    }
}
