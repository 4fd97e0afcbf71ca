//! Loading pages that arrive over several channels, or that several threads read from a file.

mod places;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use vmstate_types::LoadError;

#[cfg(all(unix, feature = "migration"))]
pub(crate) use self::places::PlacedWord;
use self::places::Region;
use crate::memory::{PageSize, RamBlock};
use crate::ram::load::{PageAddress, fill_page, patch};
use crate::ram::undo_log::UndoLog;

type Block = Arc<dyn RamBlock + Send + Sync>;

/// The sockets of a load over several channels.
pub(crate) trait Connections: Send + Sync {
    /// Ends the reads of the main channel: a data channel has failed.
    fn interrupt_main(&self);

    /// Ends the reads of all data channels.
    fn close_data(&self);
}

/// A load that several channels share.
pub(crate) struct SharedLoad {
    page_size: PageSize,
    /// The blocks, as soon as they are known.
    blocks: OnceLock<Vec<Block>>,
    memory: Mutex<Memory>,
    state: Mutex<State>,
    changed: Condvar,
    connections: Box<dyn Connections>,
    /// The time that the channels may take to reach a synchronization point.
    timeout: Duration,
    /// Set if the channels read a file in which pages have fixed places.
    reads_file: bool,
}

/// The memory with its undo log.
struct Memory {
    blocks: Vec<Block>,
    undo: Option<UndoLog>,
    page: Vec<u8>,
}

struct State {
    /// The channels that have to reach each synchronization point.
    channels: usize,
    /// The channels that are being read.
    running: usize,
    /// The channels that have reached the next synchronization point.
    arrived: usize,
    /// The number of synchronization points so far. Pages follow the first one.
    round: u64,
    /// The blocks whose pages the channels have to read from the file.
    regions: VecDeque<Region>,
    /// The channels that are reading pages from the file.
    reading: usize,
    /// The number of reads from the file so far.
    reads: u64,
    error: Option<String>,
    stopped: bool,
}

impl SharedLoad {
    /// Creates a load of `channels` data channels. Blocks that are not known yet are [set](Self::set_blocks) before the first
    /// synchronization point.
    pub(crate) fn new(
        page_size: PageSize,
        blocks: Option<Vec<Block>>,
        channels: usize,
        connections: Box<dyn Connections>,
        timeout: Duration,
    ) -> Self {
        let page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
        let memory = Mutex::new(Memory { blocks: Vec::new(), undo: None, page });
        let state = Mutex::new(State::new(channels));
        let (blocks_of_load, changed) = (OnceLock::new(), Condvar::new());
        let reads_file = false;
        let load = Self { page_size, blocks: blocks_of_load, memory, state, changed, connections, timeout, reads_file };
        if let Some(blocks) = blocks {
            load.set_blocks(blocks);
        }
        load
    }

    /// Has the channels read a file, in which pages have fixed places.
    pub(crate) fn of_file(mut self) -> Self {
        self.reads_file = true;
        self
    }

    /// Returns whether the channels read a file.
    pub(in crate::ram) fn reads_file(&self) -> bool {
        self.reads_file
    }

    /// Sets the blocks, unless they are set.
    pub(crate) fn set_blocks(&self, blocks: Vec<Block>) {
        if self.blocks.set(blocks.clone()).is_ok() {
            self.memory().blocks = blocks;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // All changes are single assignments.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the page size.
    pub(crate) fn page_size(&self) -> PageSize {
        self.page_size
    }

    /// Prepares pages of a block for data from a channel: saves them for a rollback. Returns the block.
    ///
    /// # Errors
    /// Returns an error if the block is unknown, a page is outside of it, or the load has not begun.
    pub(crate) fn prepare(&self, idstr: &str, offsets: impl Iterator<Item = u64>) -> Result<&Block, LoadError> {
        let (block, memory) = self.find(idstr)?;
        self.save_pages(block, memory, offsets)?;
        Ok(memory)
    }

    /// Saves pages of the block with this number for a rollback.
    fn save_pages(&self, block: usize, memory: &Block, offsets: impl Iterator<Item = u64>) -> Result<(), LoadError> {
        let mut locked = self.memory();
        let Memory { blocks, undo, .. } = &mut *locked;
        for offset in offsets {
            self.check(memory, offset)?;
            if let Some(undo) = undo {
                undo.save(blocks, PageAddress { block, offset })?;
            }
        }
        Ok(())
    }

    /// Fills pages of a block with zeros.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub(crate) fn zero(&self, idstr: &str, offsets: impl Iterator<Item = u64>) -> Result<(), LoadError> {
        let (block, memory) = self.find(idstr)?;
        let mut locked = self.memory();
        for offset in offsets {
            self.check(memory, offset)?;
            locked.fill(PageAddress { block, offset }, 0)?;
        }
        Ok(())
    }

    fn find(&self, idstr: &str) -> Result<(usize, &Block), LoadError> {
        if self.state().round == 0 {
            return Err(LoadError::malformed("the list of blocks before the first page", "a page"));
        }
        let mut blocks = self.blocks.get().into_iter().flatten().enumerate();
        let found = blocks.find(|(_, block)| block.idstr() == idstr);
        found.ok_or_else(|| {
            let message = format!("multifd: unknown ram block {idstr}");
            LoadError::malformed("the name of a block", format!("{idstr:?}")).with_qemu_message(message)
        })
    }

    fn check(&self, block: &Block, offset: u64) -> Result<(), LoadError> {
        let bytes = self.page_size.bytes();
        let fits = offset.is_multiple_of(bytes) && offset.checked_add(bytes).is_some_and(|end| end <= block.size());
        let expected = || format!("the offset of a page in a block of {:#x} bytes", block.size());
        let outside = || LoadError::malformed(expected(), format!("{offset:#x}")).in_field(block.idstr().to_owned());
        if fits { Ok(()) } else { Err(outside()) }
    }

    /// Waits at a synchronization point until all channels and the section have reached it. Returns `false` if the load
    /// has ended.
    pub(crate) fn arrive(&self) -> bool {
        let mut state = self.state();
        let round = state.round;
        state.arrived += 1;
        self.changed.notify_all();
        while state.round == round && state.error.is_none() && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.round != round
    }

    /// Records that a channel has ended, because of an error or because its source has closed it.
    pub(crate) fn leave(&self, error: Option<String>) {
        let mut state = self.state();
        state.running = state.running.saturating_sub(1);
        let fails = error.is_some() && !state.stopped;
        if fails && state.error.is_none() {
            state.error = error;
        }
        drop(state);
        self.changed.notify_all();
        if fails {
            self.connections.interrupt_main();
        }
    }

    /// Returns the error of a channel.
    pub(crate) fn error(&self) -> Option<String> {
        self.state().error.clone()
    }

    /// Waits until all channels have reached the synchronization point, and lets them continue.
    /// (QEMU: `multifd_recv_sync_main` in `migration/multifd.c`.)
    pub(in crate::ram) fn synchronize(&self) -> Result<(), LoadError> {
        let mut state = self.state();
        loop {
            let found = match &state.error {
                Some(error) => error.clone(),
                None if state.arrived == state.channels => break,
                None if state.running < state.channels => "the end of a data channel".to_owned(),
                None => String::new(),
            };
            let expected = || "a synchronization point on all data channels";
            if !found.is_empty() {
                return Err(LoadError::malformed(expected(), found));
            }
            let arrived = state.arrived;
            let (next, timeout) =
                self.changed.wait_timeout(state, self.timeout).unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timeout.timed_out() && state.arrived == arrived {
                let found = format!("{arrived} of {} after {:?}", state.channels, self.timeout);
                return Err(LoadError::malformed(expected(), found));
            }
        }
        (state.arrived, state.round) = (0, state.round + 1);
        self.changed.notify_all();
        Ok(())
    }

    /// Begins to save pages for a rollback, or stops it.
    pub(in crate::ram) fn set_undo(&self, undo: Option<UndoLog>) {
        self.memory().undo = undo;
    }

    /// Calls `f` with the undo log, if there is one.
    pub(in crate::ram) fn with_undo(
        &self,
        f: impl FnOnce(&mut UndoLog, &mut [Block]) -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        let mut locked = self.memory();
        let Memory { blocks, undo, .. } = &mut *locked;
        undo.as_mut().map_or(Ok(()), |undo| f(undo, blocks))
    }

    /// Fills a page, as a record of the main channel orders.
    pub(in crate::ram) fn fill(&self, address: PageAddress, fill: u8) -> Result<(), LoadError> {
        self.memory().fill(address, fill)
    }

    /// Applies changes to a page, as a record of the main channel orders.
    pub(in crate::ram) fn patch(&self, address: PageAddress, delta: &[u8]) -> Result<(), LoadError> {
        let mut locked = self.memory();
        let Memory { blocks, undo, page } = &mut *locked;
        match undo {
            Some(undo) => undo.patch(blocks, address, delta),
            None => blocks.get(address.block).map_or(Ok(()), |block| patch(block, address.offset, delta, page.len())),
        }
    }

    /// Stops all channels and waits until nothing writes memory anymore.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        self.changed.notify_all();
        self.connections.close_data();
        while state.running > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    fn new(channels: usize) -> Self {
        Self {
            channels,
            running: channels,
            arrived: 0,
            round: 0,
            regions: VecDeque::new(),
            reading: 0,
            reads: 0,
            error: None,
            stopped: false,
        }
    }
}

impl Memory {
    fn fill(&mut self, address: PageAddress, fill: u8) -> Result<(), LoadError> {
        match &mut self.undo {
            Some(undo) => undo.fill(&mut self.blocks, address, fill),
            None => fill_page(&mut self.blocks, address, fill, &mut self.page),
        }
    }
}

impl fmt::Debug for SharedLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedLoad").field("page_size", &self.page_size).finish_non_exhaustive()
    }
}
