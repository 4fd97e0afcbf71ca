//! Saves blocks of memory as "ram" sections.

mod over_channels;
mod pages;

use std::ops::Range;
use std::sync::Arc;

use vmstate_types::{SaveError, Writer};

use self::over_channels::Channels;
use super::left_out::LeftOut;
use super::mapped::{PlacedPages, RUN_BYTES};
use super::page_writer::PageWriter;
use super::record::{Record, ZERO_RECORD, write_record};
use super::view::View;
use super::xbzrle;
use crate::memory::{DirtyBitmap, DirtyLog, Layout, PageSize, RamBlock};
use crate::section::{Output, SentPages};

/// Saver of the "ram" sections of one stream: a start, any number of parts, and an end.
///
/// Every page is sent once, in the order of blocks and offsets, as QEMU sends the pages of a stopped machine. Pages that
/// the [dirty log](Self::dirty_log) reports are sent again.
pub struct RamSaver {
    pub(super) layout: Layout,
    page: Vec<u8>,
    log: Option<Arc<dyn DirtyLog>>,
    /// Set if this saver has started the log.
    logging: bool,
    left_out: LeftOut,
    /// The pages to send, for each block.
    pub(super) dirty: Arc<[DirtyBitmap]>,
    /// The number of pages that are sent without interruption, for each block: the pages of a host page in postcopy.
    pub(super) units: Vec<u64>,
    /// The block and the number of the page at which the search for a dirty page continues.
    pub(super) block: usize,
    pub(super) number: u64,
    /// The block of the last page that was sent: the flag CONTINUE replaces its name.
    pub(super) last_block: Option<usize>,
    sent: SentPages,
    /// The size of the cache, if pages are sent as changes.
    cache_size: Option<u64>,
    pub(super) xbzrle: Option<xbzrle::Sender>,
    /// The places of pages in a file, if they have fixed ones.
    placed: Option<Arc<PlacedPages>>,
    /// A buffer of pages that have fixed places and cannot be borrowed.
    run: Vec<u8>,
    /// The channels that send the pages, if the saver does not send them itself.
    channels: Option<Channels>,
}

impl RamSaver {
    /// Creates a saver of pages of `page_size`.
    #[must_use]
    pub fn new(page_size: PageSize) -> Self {
        Self {
            layout: Layout::empty(page_size),
            page: vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)],
            log: None,
            logging: false,
            left_out: LeftOut::Nothing,
            dirty: Arc::new([]),
            units: Vec::new(),
            block: 0,
            number: 0,
            last_block: None,
            sent: SentPages::default(),
            cache_size: None,
            xbzrle: None,
            channels: None,
            placed: None,
            run: Vec::new(),
        }
    }

    /// Sets the log of the pages that the guest writes while its memory is sent. Without one, the machine
    /// must be stopped.
    ///
    /// The log numbers the blocks in the order of [`setup`](Self::setup). It runs from there until
    /// [`complete`](Self::complete) or until the saver is dropped.
    #[must_use]
    pub fn dirty_log(mut self, log: Arc<dyn DirtyLog>) -> Self {
        self.log = Some(log);
        self
    }

    /// Leaves memory out that the destination has.
    ///
    /// ```
    /// use vmstate::Writer;
    /// use vmstate::memory::{PageSize, VecBlock};
    /// use vmstate::ram::{LeftOut, RamSaver};
    ///
    /// let sram = [VecBlock::new("sram", vec![0xaa; 1 << 20])];
    /// let mut saver = RamSaver::new(PageSize::DEFAULT).leave_out(LeftOut::Everything);
    /// let mut out = Writer::new();
    /// saver.setup(&sram, &mut out)?;
    /// saver.complete(&sram, &mut out)?;
    /// assert_eq!(out.pending().len(), 8 + 1 + 4 + 8 + 8 + 8, "a list of blocks and two ends");
    /// # Ok::<(), vmstate::SaveError>(())
    /// ```
    #[must_use]
    pub fn leave_out(mut self, left_out: LeftOut) -> Self {
        self.left_out = left_out;
        self
    }

    /// Sends pages that are sent again as their changes, with a cache of `cache_size` bytes for the pages that the
    /// destination has. A size that is not a power of two is rounded down. The cache is never larger than the memory,
    /// rounded up.
    ///
    /// ```
    /// use vmstate::Writer;
    /// use vmstate::memory::{PageSize, VecBlock};
    /// use vmstate::ram::RamSaver;
    ///
    /// let sram = [VecBlock::new("sram", vec![0xaa; 8192])];
    /// let mut saver = RamSaver::new(PageSize::DEFAULT).xbzrle(1 << 20);
    /// let mut out = Writer::new();
    /// saver.setup(&sram, &mut out)?;
    /// saver.iterate(&sram, u64::MAX, &mut out)?;
    /// assert_eq!(saver.xbzrle_counters().map(|counters| counters.pages), Some(0), "the first pass sends pages");
    /// # Ok::<(), vmstate::SaveError>(())
    /// ```
    #[must_use]
    pub fn xbzrle(mut self, cache_size: u64) -> Self {
        self.cache_size = Some(cache_size);
        self
    }

    /// Changes the size of the cache of [`xbzrle`](Self::xbzrle), if pages are sent as changes. This empties the cache.
    pub fn resize_xbzrle(&mut self, cache_size: u64) {
        self.cache_size = self.cache_size.map(|_| cache_size);
        if let Some(xbzrle) = &mut self.xbzrle {
            xbzrle.resize(cache_size);
        }
    }

    /// Returns the numbers of pages that were sent as changes, if they are.
    #[must_use]
    pub fn xbzrle_counters(&self) -> Option<xbzrle::Counters> {
        self.xbzrle.as_ref().map(xbzrle::Sender::counters)
    }

    /// Writes the payload of the section start: the list of `blocks`. All later calls must get the same blocks.
    ///
    /// # Errors
    /// Returns an error, and writes nothing, if a block is empty, its size is not a multiple of the page size, its name is
    /// longer than 255 bytes, or the dirty log cannot start.
    pub fn setup<B: RamBlock>(&mut self, blocks: &[B], out: &mut Writer) -> Result<(), SaveError> {
        self.begin(blocks)?;
        write_record(out, &Record::BlockList(self.layout.size()), "");
        for block in self.layout.blocks() {
            write_record(out, &Record::Block(self.left_out.header(block)), "");
        }
        self.begin_channels(out)?;
        self.end_section(out);
        Ok(())
    }

    /// Writes the payload of the section start to a file in which the pages have fixed places.
    pub(super) fn setup_placed<B: RamBlock>(&mut self, blocks: &[B], out: &mut Output<'_>) -> Result<(), SaveError> {
        self.begin(blocks)?;
        let placed = PlacedPages::setup(&self.layout, out)?;
        for (index, dirty) in self.dirty.iter().enumerate() {
            if let Some(covered) = placed.covered(index) {
                dirty.clear();
                dirty.insert_all(covered);
            }
        }
        self.placed = Some(Arc::new(placed));
        self.begin_channels(out.writer())
    }

    fn begin<B: RamBlock>(&mut self, blocks: &[B]) -> Result<(), SaveError> {
        self.layout = Layout::new(self.layout.page_size(), blocks)?;
        self.start_log()?;
        self.dirty = self.layout.bitmaps().into();
        self.units.clear();
        for (_, dirty) in self.sent_blocks() {
            dirty.insert_range(0..dirty.pages());
        }
        (self.block, self.number, self.last_block, self.sent) = (0, 0, None, SentPages::default());
        let pages = self.dirty.iter().map(DirtyBitmap::pages).sum();
        self.xbzrle = self.cache_size.map(|bytes| xbzrle::Sender::new(bytes, self.page.len(), pages));
        self.placed = None;
        Ok(())
    }

    /// Returns the numbers and pages of the blocks that are not left out.
    fn sent_blocks(&self) -> impl Iterator<Item = (usize, &DirtyBitmap)> {
        let blocks = self.layout.blocks().iter().zip(self.dirty.iter()).enumerate();
        blocks.filter(|(_, (block, _))| !self.left_out.contains(block)).map(|(index, (_, dirty))| (index, dirty))
    }

    /// Starts the log. All pages are dirty then (`ram_init_bitmaps` in QEMU's `migration/ram.c`).
    fn start_log(&mut self) -> Result<(), SaveError> {
        self.stop_log();
        let Some(log) = &self.log else { return Ok(()) };
        log.start()?;
        self.logging = true;
        Ok(())
    }

    /// Stops the log if this saver has started it.
    pub(super) fn stop_log(&mut self) {
        if let Some(log) = self.log.as_ref().filter(|_| self.logging) {
            // It counts as stopped even if the system reports an error, and nothing reads it anymore.
            let _ = log.stop();
        }
        self.logging = false;
    }

    /// Writes the payload of a section part, with pages until `limit` bytes are written. Returns whether all pages have
    /// been sent that were dirty at the last synchronization of the log.
    ///
    /// # Errors
    /// Returns an error if memory cannot be read.
    pub fn iterate<B: RamBlock>(&mut self, blocks: &[B], limit: u64, out: &mut Writer) -> Result<bool, SaveError> {
        let views: Vec<_> = blocks.iter().map(View::Shared).collect();
        let done = self.send_pages(&views, limit, &mut PageWriter { writer: out, borrowed: None })?;
        self.end_section(out);
        Ok(done)
    }

    /// Writes pages to their places until about `limit` bytes are written. Returns whether all pages have been written.
    pub(super) fn send_placed<B: RamBlock>(
        &mut self,
        blocks: &[View<'_, B>],
        limit: u64,
        out: &mut Output<'_>,
    ) -> Result<bool, SaveError> {
        let page_size = self.layout.page_size().bytes();
        let mut written = 0;
        while written < limit {
            let Some((index, run)) = self.next_run((RUN_BYTES / page_size).max(1)) else { return Ok(true) };
            let (Some(block), Some(placed)) = (blocks.get(index), &self.placed) else { return Ok(true) };
            // Cleared before they are read: a write in between is reported by the next synchronization of the log.
            self.dirty[index].remove_range(run.clone());
            (self.block, self.number) = (index, run.end);
            let sent = placed.write(block, index, run, &mut self.run, out);
            let sent = sent.map_err(|error| error.in_field(self.layout.blocks()[index].idstr.clone()))?;
            self.sent = [self.sent, sent].into_iter().sum();
            // Zero pages cost the time to read them, and count as much as their records in a stream.
            written += sent.normal * page_size + sent.zero * ZERO_RECORD as u64;
        }
        Ok(false)
    }

    /// Writes the bitmaps of the pages that have fixed places.
    pub(super) fn finish_placed(&self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.placed.as_ref().map_or(Ok(()), |placed| placed.finish(out))
    }

    /// Writes the record at the end of a section's payload.
    pub(super) fn end_section(&self, out: &mut Writer) {
        write_record(out, &Record::EndOfSection, "");
    }

    /// Returns the number of bytes of memory left to send, without synchronizing the dirty log.
    pub(super) fn remaining(&self) -> u64 {
        let pages: u64 = self.dirty.iter().map(DirtyBitmap::count).sum();
        pages.saturating_mul(self.layout.page_size().bytes())
    }

    /// Adds the pages that were written since the last call.
    pub(super) fn sync_dirty_log(&mut self) -> Result<(), SaveError> {
        if let Some(xbzrle) = &mut self.xbzrle {
            xbzrle.begin_pass();
        }
        let Some(log) = self.log.as_ref().filter(|_| self.logging) else { return Ok(()) };
        for (index, dirty) in self.sent_blocks() {
            log.collect(index, 0..dirty.pages(), dirty)?;
        }
        Ok(())
    }

    /// Adds the pages that were written, unless the log fails: then it fails again when the pages are needed.
    pub(super) fn try_sync_dirty_log(&mut self) {
        let _ = self.sync_dirty_log();
    }

    /// Begins to send the rest: the machine is stopped.
    pub(super) fn begin_last_stage(&mut self) -> Result<(), SaveError> {
        self.sync_dirty_log()?;
        if let Some(xbzrle) = &mut self.xbzrle {
            xbzrle.begin_last_stage();
        }
        Ok(())
    }

    /// Writes the payload of the section end, with all pages that are left. The machine must be stopped.
    ///
    /// # Errors
    /// Returns an error if memory cannot be read.
    pub fn complete<B: RamBlock>(&mut self, blocks: &[B], out: &mut Writer) -> Result<(), SaveError> {
        self.begin_last_stage()?;
        self.iterate(blocks, u64::MAX, out)?;
        self.stop_log();
        Ok(())
    }

    /// Returns the index of a block and the next run of up to `most` pages to send in it. After the last block, the search
    /// continues in the first one.
    ///
    /// The log is not synchronized here: the caller, which decides about the switchover, has to know when a pass begins
    /// (`find_dirty_block` in QEMU's `migration/ram.c`).
    fn next_run(&mut self, most: u64) -> Option<(usize, Range<u64>)> {
        self.run_from_here(most).or_else(|| {
            (self.block, self.number) = (0, 0);
            if let Some(xbzrle) = &mut self.xbzrle {
                xbzrle.start();
            }
            self.run_from_here(most)
        })
    }

    /// Returns the number of pages that were sent.
    pub(super) fn sent_pages(&self) -> SentPages {
        self.channels.as_ref().map_or(self.sent, |channels| channels.shared.sent_pages())
    }

    fn run_from_here(&self, most: u64) -> Option<(usize, Range<u64>)> {
        let mut from = self.number;
        for (index, dirty) in self.dirty.iter().enumerate().skip(self.block) {
            if let Some(run) = dirty.run_from(from, most) {
                return Some((index, run));
            }
            from = 0;
        }
        None
    }
}

impl Drop for RamSaver {
    fn drop(&mut self) {
        self.stop_log();
    }
}

impl std::fmt::Debug for RamSaver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RamSaver").field("layout", &self.layout).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "migration"))]
mod tests;
