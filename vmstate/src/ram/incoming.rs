//! Guest memory of a destination that may switch to postcopy: pages are loaded in place, and later placed while the guest
//! runs.
//!
//! (QEMU: `ram_load_postcopy` in `migration/ram.c`.)

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vmstate_types::{LoadError, Reader, SaveError};

use super::load::{PageAddress, PageStore, RamLoader, fill_page, patch};
use super::undo_log::UndoLog;
use super::view::receive;
use super::zero::is_zero;
use crate::memory::{DirtyBitmap, MemoryError, PageSize, RamBlock};
use crate::section::{LiveSection, Output};
use crate::stream::{ReceivedBitmap, SectionKind};

/// A block that other threads use at the same time.
pub(crate) type Block = Arc<dyn RamBlock + Send + Sync>;

/// Places whole host pages while the guest runs.
pub(crate) trait PlacePages: Send {
    /// Places a host page with its content.
    fn place(&mut self, block: usize, offset: u64, page: &[u8]) -> Result<(), MemoryError>;

    /// Places a host page of zeros.
    fn place_zeros(&mut self, block: usize, bytes: Range<u64>) -> Result<(), MemoryError>;
}

/// The pages that have arrived, which the thread of page faults reads, too.
#[derive(Debug)]
pub(crate) struct ReceivedPages {
    page_size: u64,
    blocks: Vec<DirtyBitmap>,
}

impl ReceivedPages {
    /// Returns whether all pages of a range have arrived.
    pub(crate) fn contains(&self, block: usize, bytes: &Range<u64>) -> bool {
        let pages = bytes.start / self.page_size..bytes.end.div_ceil(self.page_size);
        self.blocks.get(block).is_some_and(|received| pages.clone().all(|page| received.contains(page)))
    }

    /// Returns whether all pages of a block have arrived.
    fn is_complete(&self, block: usize) -> bool {
        self.blocks.get(block).is_none_or(|received| received.count() == received.pages())
    }

    /// Returns the pages of a block as a message for the source.
    pub(crate) fn bitmap(&self, block: usize) -> ReceivedBitmap {
        let pages = self.blocks.get(block);
        let mut bitmap = ReceivedBitmap::new(pages.map_or(0, DirtyBitmap::pages));
        for page in pages.into_iter().flat_map(DirtyBitmap::runs).flatten() {
            bitmap.insert(page);
        }
        bitmap
    }
}

/// The section `ram` of a destination. Clones share the memory.
#[derive(Clone)]
pub(crate) struct IncomingRam {
    state: Arc<Mutex<State>>,
    received: Arc<ReceivedPages>,
}

struct State {
    page_size: PageSize,
    loader: RamLoader,
    blocks: Vec<Block>,
    /// The changes of the load, while it can be rolled back.
    undo: Option<UndoLog>,
    /// Set while the guest runs, or is about to.
    placer: Option<Placer>,
}

struct Placer {
    pages: Box<dyn PlacePages>,
    partial: Option<Partial>,
}

/// The loader of the channel for requested pages (`postcopy-preempt`): records without sections.
pub(crate) struct PreemptRam {
    loader: RamLoader,
    blocks: Vec<Block>,
    placer: Option<Placer>,
    received: Arc<ReceivedPages>,
}

impl PreemptRam {
    /// Places pages until the record that ends the channel.
    ///
    /// # Errors
    /// Returns an error at the end of the connection, too.
    pub(crate) fn load(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let Self { loader, blocks, placer, received } = self;
        loader.load_into(&mut Store { blocks, undo: &mut None, placer, received }, reader)
    }
}

/// A host page of which some target pages have arrived.
struct Partial {
    block: usize,
    offset: u64,
    bytes: Vec<u8>,
    filled: usize,
}

impl IncomingRam {
    pub(crate) fn new(page_size: PageSize, blocks: Vec<Block>) -> Self {
        let bitmaps = blocks.iter().map(|block| DirtyBitmap::new(block.size() / page_size.bytes())).collect();
        let received = Arc::new(ReceivedPages { page_size: page_size.bytes(), blocks: bitmaps });
        let state = State { page_size, loader: RamLoader::new(page_size), blocks, undo: None, placer: None };
        Self { state: Arc::new(Mutex::new(state)), received }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A load that has panicked in the middle of a section has failed, and is rolled back.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn received(&self) -> &Arc<ReceivedPages> {
        &self.received
    }

    /// Returns the target page size.
    pub(crate) fn page_size(&self) -> u64 {
        self.received.page_size
    }

    /// Returns all blocks.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        self.lock().blocks.clone()
    }

    /// Returns the blocks of the stream: their indices, and the blocks.
    pub(crate) fn listed(&self) -> Vec<(usize, Block)> {
        let state = self.lock();
        let listed = state.loader.listed().iter();
        listed.filter_map(|index| Some((*index, state.blocks.get(*index)?.clone()))).collect()
    }

    /// Forgets that pages have arrived, because they were discarded.
    pub(crate) fn forget(&self, block: usize, bytes: &Range<u64>) {
        let pages = bytes.start / self.received.page_size..bytes.end.div_ceil(self.received.page_size);
        if let Some(received) = self.received.blocks.get(block) {
            received.remove_range(pages);
        }
    }

    /// Places all further pages with `pages`. The memory cannot be rolled back anymore.
    ///
    /// # Errors
    /// Returns an error if the pages that arrived before cannot be written.
    pub(crate) fn place_with(&mut self, pages: Box<dyn PlacePages>) -> Result<(), LoadError> {
        self.load_forgo_undo()?;
        self.lock().placer = Some(Placer { pages, partial: None });
        Ok(())
    }

    /// Returns the loader of a second channel, whose pages are placed independently of the sections.
    pub(crate) fn preempt(&self, pages: Box<dyn PlacePages>) -> PreemptRam {
        let state = self.lock();
        let mut loader = state.loader.clone();
        loader.restart();
        let placer = Some(Placer { pages, partial: None });
        PreemptRam { loader, blocks: state.blocks.clone(), placer, received: self.received.clone() }
    }

    /// Continues on a new connection: a page that was cut is sent again.
    pub(crate) fn restart(&self) {
        let mut state = self.lock();
        state.loader.restart();
        if let Some(placer) = &mut state.placer {
            placer.partial = None;
        }
    }

    /// Returns whether all pages of the stream's blocks have arrived.
    pub(crate) fn is_complete(&self) -> bool {
        self.lock().loader.listed().iter().all(|block| self.received.is_complete(*block))
    }

    /// Ends placing: all pages are present.
    pub(crate) fn end_placing(&self) {
        self.lock().placer = None;
    }
}

impl LiveSection for IncomingRam {
    /// Returns whether the section must be complete before the guest runs.
    fn is_active(&self) -> bool {
        self.lock().placer.is_none()
    }

    fn save_setup(&mut self, _: &mut Output<'_>) -> Result<(), SaveError> {
        Err(only_loads())
    }

    fn save_iterate(&mut self, _: &mut Output<'_>, _: u64) -> Result<bool, SaveError> {
        Err(only_loads())
    }

    fn save_complete(&mut self, _: &mut Output<'_>) -> Result<(), SaveError> {
        Err(only_loads())
    }

    fn load_setup(&mut self, undoable: bool) -> Result<(), LoadError> {
        let mut state = self.lock();
        state.loader = RamLoader::new(state.page_size);
        state.undo = undoable.then(|| UndoLog::new(&state.blocks, state.page_size));
        state.placer = None;
        self.received.blocks.iter().for_each(DirtyBitmap::clear);
        Ok(())
    }

    fn load(&mut self, reader: &mut Reader<'_>, _: SectionKind, _: u32) -> Result<(), LoadError> {
        let mut state = self.lock();
        let State { loader, blocks, undo, placer, .. } = &mut *state;
        loader.load_into(&mut Store { blocks, undo, placer, received: &self.received }, reader)
    }

    fn is_complete_without_end(&self) -> bool {
        self.lock().loader.has_all_pages()
    }

    fn load_finish(&mut self) -> Result<(), LoadError> {
        let mut state = self.lock();
        let State { blocks, undo, .. } = &mut *state;
        undo.as_mut().map_or(Ok(()), |undo| undo.apply_deferred(blocks))
    }

    fn load_forgo_undo(&mut self) -> Result<(), LoadError> {
        self.load_finish()?;
        self.lock().undo = None;
        Ok(())
    }

    fn load_undo(&mut self) -> Result<(), LoadError> {
        let mut state = self.lock();
        let State { blocks, undo, .. } = &mut *state;
        undo.as_mut().map_or(Ok(()), |undo| undo.roll_back(blocks))
    }

    fn load_cleanup(&mut self) {
        self.lock().undo = None;
    }
}

fn only_loads() -> SaveError {
    SaveError::misuse("the memory of a destination is only loaded")
}

/// The places of pages during one section.
struct Store<'s> {
    blocks: &'s mut Vec<Block>,
    undo: &'s mut Option<UndoLog>,
    placer: &'s mut Option<Placer>,
    received: &'s ReceivedPages,
}

impl Store<'_> {
    fn arrived(&self, address: PageAddress) {
        if let Some(received) = self.received.blocks.get(address.block) {
            received.insert(address.offset / self.received.page_size);
        }
    }

    fn host_page_size(&self, block: usize) -> u64 {
        self.blocks.get(block).map_or(1, RamBlock::host_page_size)
    }
}

impl PageStore<Block> for Store<'_> {
    fn blocks(&self) -> &[Block] {
        self.blocks
    }

    fn receive(&mut self, address: PageAddress, reader: &mut Reader<'_>, page: &mut [u8]) -> Result<(), LoadError> {
        let host_page_size = self.host_page_size(address.block);
        if let Some(placer) = self.placer {
            reader.fill(page)?;
            return placer.add(address, page, host_page_size, self.received);
        }
        if let Some(undo) = self.undo {
            undo.save(self.blocks, address)?;
        }
        let block = self.blocks.get_mut(address.block);
        block.map_or(Ok(()), |block| receive(block, address.offset, reader, page))?;
        self.arrived(address);
        Ok(())
    }

    fn fill(&mut self, address: PageAddress, fill: u8, page: &mut [u8]) -> Result<(), LoadError> {
        let host_page_size = self.host_page_size(address.block);
        match (&mut *self.placer, &mut *self.undo) {
            (Some(placer), _) => {
                page.fill(fill);
                return placer.add(address, page, host_page_size, self.received);
            }
            (None, Some(undo)) => undo.fill(self.blocks, address, fill)?,
            (None, None) => fill_page(self.blocks, address, fill, page)?,
        }
        self.arrived(address);
        Ok(())
    }

    fn patch(&mut self, address: PageAddress, delta: &[u8]) -> Result<(), LoadError> {
        let page_size = usize::try_from(self.received.page_size).unwrap_or(0);
        match (&mut *self.placer, &mut *self.undo) {
            (Some(_), _) => Err(LoadError::malformed("whole pages while the guest runs", "changes to a page")),
            (None, Some(undo)) => undo.patch(self.blocks, address, delta),
            (None, None) => {
                let block = self.blocks.get(address.block);
                block.map_or(Ok(()), |block| patch(block, address.offset, delta, page_size))
            }
        }
    }
}

impl Placer {
    /// Adds a target page, and places its host page when all of it has arrived.
    fn add(
        &mut self,
        address: PageAddress,
        page: &[u8],
        host_page_size: u64,
        received: &ReceivedPages,
    ) -> Result<(), LoadError> {
        if page.len() as u64 >= host_page_size {
            return self.place(address.block, address.offset, page, received);
        }
        let offset = address.offset / host_page_size * host_page_size;
        let mut partial = match self.partial.take() {
            Some(partial) => partial,
            None => Partial { block: address.block, offset, bytes: Vec::new(), filled: 0 },
        };
        let next = partial.offset + partial.filled as u64;
        if (partial.block, next) != (address.block, address.offset) {
            let found = format!("{:#x} of block {}", address.offset, address.block);
            return Err(LoadError::malformed(
                format!("the target page at {next:#x} of block {}", partial.block),
                found,
            )
            .or_advice("the source must send the target pages of a host page in order"));
        }
        partial.bytes.extend_from_slice(page);
        partial.filled += page.len();
        if (partial.filled as u64) < host_page_size {
            self.partial = Some(partial);
            return Ok(());
        }
        self.place(partial.block, partial.offset, &partial.bytes, received)
    }

    fn place(&mut self, block: usize, offset: u64, page: &[u8], received: &ReceivedPages) -> Result<(), LoadError> {
        let bytes = offset..offset + page.len() as u64;
        match is_zero(page) {
            true => self.pages.place_zeros(block, bytes.clone())?,
            false => self.pages.place(block, offset, page)?,
        }
        // Only now: a fault on a page that has arrived is resolved with zeros.
        if let Some(bitmap) = received.blocks.get(block) {
            bitmap.insert_range(bytes.start / received.page_size..bytes.end / received.page_size);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
