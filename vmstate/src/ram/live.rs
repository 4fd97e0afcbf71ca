//! Guest memory as a live section of a machine.

use std::marker::PhantomData;
use std::sync::Arc;

use vmstate_types::{LoadError, Reader, SaveError};

use super::channels::{FromFile, SharedLoad, SharedSave, SyncPoints, WithChannels};
use super::left_out::LeftOut;
use super::load::{PageAddress, PageStore, RamLoader};
use super::page_writer::PageWriter;
use super::record::RamOptions;
use super::save::RamSaver;
use super::undo_log::UndoLog;
use super::view::{receive, views};
use super::xbzrle;
use crate::memory::{DirtyLog, PageSize, RamBlock};
use crate::section::{BorrowedPages, LiveSection, Output, Pending, SentPages};
use crate::stream::{Configuration, SectionKind};

/// Guest memory as the live section `ram` of a machine.
///
/// `blocks` is an array, a vector or a `&mut` slice of [`RamBlock`]s.
///
/// Pages are loaded in place, and can be rolled back. A rollback needs two bits for each page and a copy of each page that
/// was not zero and arrives with data, so no more memory than the stream has sent. Pages that become zero are cleared at
/// the end of the load; from then until the load is complete there is also a copy of each of them that was not zero.
///
/// ```
/// use vmstate::machine::Machine;
/// use vmstate::memory::{PageSize, VecBlock};
/// use vmstate::ram::Ram;
/// use vmstate::registry::Registration;
///
/// let mut blocks = [VecBlock::new("sram", vec![0xaa; 8192])];
/// let mut machine = Machine::new();
/// machine.add(Registration::live("ram", vmstate::ram::VERSION, Ram::new(PageSize::DEFAULT, &mut blocks[..])))?;
/// let mut stream = Vec::new();
/// machine.save(&mut stream)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Ram<B, M> {
    page_size: PageSize,
    options: RamOptions,
    /// The options in the configuration of the stream that is loaded next.
    announced: RamOptions,
    pub(super) blocks: M,
    log: Option<Arc<dyn DirtyLog>>,
    left_out: LeftOut,
    /// Set if a stream without a page is not of this memory.
    requires_pages: bool,
    /// The size of the cache, if pages are sent as changes.
    cache_size: Option<u64>,
    /// The saver of the current stream, or an unused one.
    pub(super) saver: RamSaver,
    loader: RamLoader,
    /// The changes of the current load, if it can be rolled back.
    undo: Option<UndoLog>,
    /// The channels that send the pages, and their synchronization points.
    save_channels: Option<(Arc<SharedSave>, SyncPoints)>,
    /// The channels that load pages. They have the undo log then.
    load_channels: Option<Arc<SharedLoad>>,
    block: PhantomData<B>,
}

/// The bytes that are sent at a time: as many pages of the usual size as can be borrowed for one vectored write.
const STRIDE: u64 = 4096 * BorrowedPages::MAX as u64;

impl<B: RamBlock, M: AsRef<[B]> + AsMut<[B]>> Ram<B, M> {
    /// Creates the section of the memory in `blocks`, with pages of `page_size`.
    #[must_use]
    pub fn new(page_size: PageSize, blocks: M) -> Self {
        Self {
            page_size,
            options: RamOptions::default(),
            announced: RamOptions::default(),
            blocks,
            log: None,
            left_out: LeftOut::Nothing,
            requires_pages: false,
            cache_size: None,
            saver: RamSaver::new(page_size),
            loader: RamLoader::new(page_size),
            undo: None,
            save_channels: None,
            load_channels: None,
            block: PhantomData,
        }
    }

    /// Sets options for loading streams without a configuration. The capabilities in a configuration are added to them.
    #[must_use]
    pub fn options(mut self, options: RamOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the log of the pages that the guest writes while its memory is sent; see [`RamSaver::dirty_log`].
    #[must_use]
    pub fn dirty_log(mut self, log: Arc<dyn DirtyLog>) -> Self {
        self.log = Some(log);
        self
    }

    /// Leaves memory out that the destination has; see [`RamSaver::leave_out`].
    #[must_use]
    pub fn leave_out(mut self, left_out: LeftOut) -> Self {
        self.left_out = left_out;
        self
    }

    /// Sends pages that are sent again as their changes; see [`RamSaver::xbzrle`]. Loads accept both in any case.
    #[must_use]
    pub fn xbzrle(mut self, cache_size: u64) -> Self {
        self.cache_size = Some(cache_size);
        self
    }

    /// Changes the size of the cache of [`xbzrle`](Self::xbzrle), also while the memory is sent; see
    /// [`RamSaver::resize_xbzrle`].
    pub fn resize_xbzrle(&mut self, cache_size: u64) {
        self.cache_size = self.cache_size.map(|_| cache_size);
        self.saver.resize_xbzrle(cache_size);
    }

    /// Returns the numbers of pages that were sent as changes, if they are.
    #[must_use]
    pub fn xbzrle_counters(&self) -> Option<xbzrle::Counters> {
        self.saver.xbzrle_counters()
    }

    /// Sends the pages over channels.
    #[cfg_attr(not(all(unix, feature = "migration")), allow(dead_code, reason = "only migrations have channels"))]
    pub(crate) fn save_channels(mut self, channels: Arc<SharedSave>, points: SyncPoints) -> Self {
        self.save_channels = Some((channels, points));
        self
    }

    /// Loads pages from channels, which have the same blocks.
    #[cfg_attr(not(all(unix, feature = "migration")), allow(dead_code, reason = "only migrations have channels"))]
    pub(crate) fn load_channels(mut self, channels: Arc<SharedLoad>) -> Self {
        self.load_channels = Some(channels);
        self
    }

    /// Rejects a stream without pages, such as one of a source that hands its memory over.
    #[cfg(all(unix, feature = "migration"))]
    pub(crate) fn require_pages(mut self) -> Self {
        self.requires_pages = true;
        self
    }

    /// Creates the saver of the next stream.
    fn new_saver(&self) -> RamSaver {
        let mut saver = RamSaver::new(self.page_size).leave_out(self.left_out);
        if let Some(log) = &self.log {
            saver = saver.dirty_log(log.clone());
        }
        if let Some(bytes) = self.cache_size {
            saver = saver.xbzrle(bytes);
        }
        match &self.save_channels {
            Some((channels, points)) => saver.channels(Arc::clone(channels), *points),
            None => saver,
        }
    }

    /// Sends pages until `budget` bytes are written. Returns whether all pages have been sent.
    fn send(&mut self, out: &mut Output<'_>, budget: u64) -> Result<bool, SaveError> {
        if let Some(done) = self.saver.send_over_channels(budget, out.writer())? {
            return Ok(done);
        }
        if out.is_mapped() {
            return self.saver.send_placed(&views(self.blocks.as_mut()), budget, out);
        }
        let start = out.writer().offset();
        let views = views(self.blocks.as_mut());
        // Pages are copied unless the output can write several slices at once.
        let mut borrowed = BorrowedPages::new(out.accepts());
        loop {
            let spent = out.writer().offset() - start;
            if spent >= budget {
                return Ok(false);
            }
            let stride = STRIDE.min(budget - spent);
            let mut pages = PageWriter { writer: out.writer(), borrowed: Some(&mut borrowed) };
            let done = self.saver.send_pages(&views, stride, &mut pages)?;
            out.flush_with(&mut borrowed)?;
            if done {
                return Ok(true);
            }
        }
    }
}

impl<B: RamBlock, M: AsRef<[B]> + AsMut<[B]>> LiveSection for Ram<B, M> {
    fn save_setup(&mut self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.saver = self.new_saver();
        match out.is_mapped() {
            true => self.saver.setup_placed(self.blocks.as_ref(), out),
            false => self.saver.setup(self.blocks.as_ref(), out.writer()),
        }
    }

    fn pending_estimate(&mut self) -> Pending {
        Pending::new(self.saver.remaining(), 0)
    }

    fn pending_exact(&mut self) -> Pending {
        // An error of the log fails the next part: until then, the pages known so far are an estimate.
        self.saver.try_sync_dirty_log();
        self.pending_estimate()
    }

    fn save_iterate(&mut self, out: &mut Output<'_>, budget: u64) -> Result<bool, SaveError> {
        let done = self.send(out, budget)?;
        self.saver.end_section(out.writer());
        Ok(done)
    }

    fn sent_pages(&self) -> SentPages {
        self.saver.sent_pages()
    }

    fn save_complete(&mut self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.saver.begin_last_stage()?;
        self.send(out, u64::MAX)?;
        self.saver.finish_placed(out)?;
        self.saver.end_section(out.writer());
        Ok(())
    }

    fn save_cleanup(&mut self) {
        self.saver.stop_log();
    }

    fn load_format(&mut self, configuration: &Configuration) {
        let capabilities = configuration.capabilities.as_deref().unwrap_or_default();
        self.announced = RamOptions::from_capabilities(capabilities);
    }

    fn load_setup(&mut self, undoable: bool) -> Result<(), LoadError> {
        let announced = std::mem::take(&mut self.announced);
        self.loader = RamLoader::with_options(self.page_size, self.options.or(announced));
        let undo = undoable.then(|| UndoLog::new(self.blocks.as_ref(), self.page_size));
        match &self.load_channels {
            Some(channels) => channels.set_undo(undo),
            None => self.undo = undo,
        }
        Ok(())
    }

    fn is_complete_without_end(&self) -> bool {
        self.loader.has_all_pages()
    }

    fn load(&mut self, reader: &mut Reader<'_>, _: SectionKind, _: u32) -> Result<(), LoadError> {
        let blocks = self.blocks.as_mut();
        match (&self.load_channels, &mut self.undo) {
            (Some(channels), _) if channels.reads_file() => {
                self.loader.load_into(&mut FromFile { channels, blocks }, reader)
            }
            (Some(channels), _) => self.loader.load_into(&mut WithChannels { channels, blocks }, reader),
            (None, Some(undo)) => self.loader.load_into(&mut Undoable { undo, blocks }, reader),
            (None, None) => self.loader.load(blocks, reader),
        }
    }

    fn load_finish(&mut self) -> Result<(), LoadError> {
        if let Some(channels) = &self.load_channels {
            channels.stop();
            return channels.with_undo(UndoLog::apply_deferred);
        }
        if self.requires_pages {
            self.loader.check_pages()?;
        }
        self.undo.as_mut().map_or(Ok(()), |undo| undo.apply_deferred(self.blocks.as_mut()))
    }

    fn load_forgo_undo(&mut self) -> Result<(), LoadError> {
        match &self.load_channels {
            Some(channels) => {
                channels.with_undo(UndoLog::apply_deferred)?;
                channels.set_undo(None);
            }
            None => self.load_finish()?,
        }
        self.undo = None;
        Ok(())
    }

    fn load_undo(&mut self) -> Result<(), LoadError> {
        if let Some(channels) = &self.load_channels {
            channels.stop();
            return channels.with_undo(UndoLog::roll_back);
        }
        self.undo.as_mut().map_or(Ok(()), |undo| undo.roll_back(self.blocks.as_mut()))
    }

    fn load_cleanup(&mut self) {
        if let Some(channels) = &self.load_channels {
            channels.stop();
            channels.set_undo(None);
        }
        self.undo = None;
    }
}

impl<B, M> std::fmt::Debug for Ram<B, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ram").field("page_size", &self.page_size).field("saver", &self.saver).finish_non_exhaustive()
    }
}

/// Blocks with the undo log of their pages.
struct Undoable<'u, B> {
    undo: &'u mut UndoLog,
    blocks: &'u mut [B],
}

impl<B: RamBlock> PageStore<B> for Undoable<'_, B> {
    fn blocks(&self) -> &[B] {
        self.blocks
    }

    fn receive(&mut self, address: PageAddress, reader: &mut Reader<'_>, page: &mut [u8]) -> Result<(), LoadError> {
        for offset in (0..page.len()).step_by(self.undo.page_size()) {
            self.undo.save(self.blocks, PageAddress { offset: address.offset + offset as u64, ..address })?;
        }
        self.blocks.get_mut(address.block).map_or(Ok(()), |block| receive(block, address.offset, reader, page))
    }

    fn fill(&mut self, address: PageAddress, fill: u8, _: &mut [u8]) -> Result<(), LoadError> {
        self.undo.fill(self.blocks, address, fill)
    }
    fn patch(&mut self, address: PageAddress, delta: &[u8]) -> Result<(), LoadError> {
        self.undo.patch(self.blocks, address, delta)
    }
}

#[cfg(all(test, unix, feature = "migration"))]
mod tests;
