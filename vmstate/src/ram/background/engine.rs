//! Copies each page before it is written for the first time after the pause.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use vmstate_types::SaveError;

#[cfg(feature = "migration")]
use super::copies::Cursor;
use super::places::PagesSaver;
use super::sink::Sink;
use crate::memory::{DirtyBitmap, Fault, Layout, MemoryError, PageSize, ProtectedPages, RamBlock, SharedBlock};
use crate::section::{Output, SentPages};

/// The memory, and the pages that are not saved yet.
pub(super) struct Engine {
    pub(super) layout: Layout,
    blocks: Vec<SharedBlock>,
    pub(super) units: Vec<Units>,
    sink: RwLock<Option<Sink>>,
    /// Set from the pause on.
    frozen: AtomicBool,
    /// Held for reading while a page is prepared for a write, and for writing to wait for such threads.
    writers: RwLock<()>,
    waits: AtomicU64,
    /// The number of pages that were saved.
    pub(super) sent: Mutex<SentPages>,
    /// The place at which the background continues.
    #[cfg(feature = "migration")]
    pub(super) cursor: Mutex<Cursor>,
    error: Mutex<Option<SaveError>>,
}

/// The host pages of a block. Target pages are saved together with their host page.
pub(super) struct Units {
    /// The size of a unit in bytes: of a host page, or of a larger target page.
    pub(super) size: u64,
    /// The units that were written before the pause, and are not protected.
    written: DirtyBitmap,
    /// The units that are not saved. It is filled before the pause, which it would extend.
    pub(super) unsaved: DirtyBitmap,
}

/// The units that are saved at once in the background: writes to them wait meanwhile.
const CHUNK: u64 = 64 * 1024;

impl Engine {
    pub(super) fn new(page_size: PageSize, blocks: Vec<SharedBlock>) -> Result<Self, MemoryError> {
        let layout = Layout::new(page_size, &blocks).map_err(MemoryError::custom)?;
        let unit = |block: &SharedBlock| {
            let size = block.host_page_size().max(page_size.bytes());
            Units::new(size, block.size().div_ceil(size))
        };
        let units = blocks.iter().map(unit).collect();
        Ok(Self {
            layout,
            blocks,
            units,
            sink: RwLock::default(),
            frozen: AtomicBool::new(false),
            writers: RwLock::default(),
            waits: AtomicU64::new(0),
            sent: Mutex::default(),
            #[cfg(feature = "migration")]
            cursor: Mutex::default(),
            error: Mutex::default(),
        })
    }

    pub(super) fn blocks(&self) -> &[SharedBlock] {
        &self.blocks
    }

    pub(super) fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Writes the section start to a file in which pages have fixed places.
    pub(super) fn set_up_places(&self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.check_unused()?;
        self.set_sink(Sink::Places(PagesSaver::setup(&self.layout, out)?));
        Ok(())
    }

    pub(super) fn check_unused(&self) -> Result<(), SaveError> {
        match self.is_frozen() {
            true => Err(SaveError::misuse("a background snapshot saves the machine once; start another one")),
            false => Ok(()),
        }
    }

    pub(super) fn set_sink(&self, sink: Sink) {
        *self.sink.write().unwrap_or_else(PoisonError::into_inner) = Some(sink);
    }

    /// Protects the pages that were written before the pause.
    pub(super) fn freeze(&self, pages: &ProtectedPages) -> Result<(), SaveError> {
        // Faults that are being handled end before.
        let _no_writers = self.writers.write().unwrap_or_else(PoisonError::into_inner);
        for (index, units) in self.units.iter().enumerate() {
            for run in units.written.runs() {
                pages.protect(index, self.bytes(index, &run))?;
            }
        }
        self.frozen.store(true, Ordering::Release);
        Ok(())
    }

    /// Handles a write to a protected page.
    pub(super) fn fault(&self, pages: &ProtectedPages, fault: &Fault, buffer: &mut Vec<u8>) {
        let Some(units) = self.units.get(fault.block) else { return };
        self.prepare(pages, (fault.block, fault.offset / units.size), 1, buffer);
    }

    /// Prepares a unit of a block for a write: releases it, and saves it if it is part of the save. `waits` is the number of
    /// writes that wait for the save.
    fn prepare(&self, pages: &ProtectedPages, (block, unit): (usize, u64), waits: u64, buffer: &mut Vec<u8>) {
        let Some(units) = self.units.get(block) else { return };
        let _writer = self.writers.read().unwrap_or_else(PoisonError::into_inner);
        if !self.is_frozen() {
            units.written.insert(unit);
            self.release(pages, block, &(unit..unit + 1));
        } else if units.unsaved.remove(unit) {
            self.waits.fetch_add(waits, Ordering::Relaxed);
            self.save(pages, block, &(unit..unit + 1), buffer);
        }
        // Otherwise the background has taken the page, and releases it.
    }

    /// Waits for threads that save units of their writes. No unit is left for others.
    #[cfg(feature = "snapshot")]
    pub(super) fn wait_for_writers(&self) {
        drop(self.writers.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Prepares all units of `bytes` for a write in this thread.
    #[cfg(feature = "snapshot")]
    #[inline]
    pub(super) fn before_write(&self, pages: &ProtectedPages, block: usize, bytes: &Range<u64>) {
        let Some(units) = self.units.get(block) else { return };
        // An outdated value is harmless: the page is protected, and its write a fault.
        let is_left: fn(&Units, u64) -> bool = match self.is_frozen() {
            true => |units, unit| units.unsaved.contains(unit),
            false => |units, unit| !units.written.contains(unit),
        };
        let written = bytes.start / units.size..bytes.end.div_ceil(units.size).min(units.unsaved.pages());
        for unit in written.filter(|unit| is_left(units, *unit)) {
            self.prepare(pages, (block, unit), 0, &mut Vec::new());
        }
    }

    /// Saves all pages that are left at their places.
    #[cfg(feature = "snapshot")]
    pub(super) fn place_all(&self, pages: &ProtectedPages) -> Result<(), SaveError> {
        self.check_frozen()?;
        let mut buffer = Vec::new();
        for (index, units) in self.units.iter().enumerate() {
            let mut next = 0;
            while let Some(run) = units.unsaved.run_from(next, units.chunk()) {
                next = run.end;
                for taken in units.take(run) {
                    self.save(pages, index, &taken, &mut buffer);
                }
                self.failure()?;
            }
        }
        Ok(())
    }

    /// Writes the bitmaps when all pages are saved, and no fault is being handled anymore.
    pub(super) fn finish(&self) -> Result<(), SaveError> {
        self.failure()?;
        self.sink().as_ref().map_or(Ok(()), Sink::finish)
    }

    /// Saves units that this thread has taken. They are released as soon as they are copied, and even if that fails: the guest
    /// continues in any case.
    pub(super) fn save(&self, pages: &ProtectedPages, index: usize, units: &Range<u64>, buffer: &mut Vec<u8>) {
        let copied = self.copy(index, units, buffer);
        self.release(pages, index, units);
        let saved = copied.and_then(|()| match &*self.sink() {
            Some(sink) => sink.save(index, self.pages(index, units), buffer),
            None => Ok(SentPages::default()),
        });
        match saved {
            Ok(sent) => self.count(sent),
            Err(error) => self.fail(error),
        }
    }

    pub(super) fn count(&self, sent: SentPages) {
        let mut total = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        *total = [*total, sent].into_iter().sum();
    }

    pub(super) fn copy(&self, index: usize, units: &Range<u64>, buffer: &mut Vec<u8>) -> Result<(), SaveError> {
        let Range { start, end } = self.bytes(index, units);
        buffer.resize(usize::try_from(end - start).unwrap_or(0), 0);
        self.blocks.get(index).map_or(Ok(()), |block| Ok(block.read(start, buffer)?))
    }

    pub(super) fn release(&self, pages: &ProtectedPages, index: usize, units: &Range<u64>) {
        let released = pages.release(index, self.bytes(index, units));
        released.unwrap_or_else(|error| self.fail(error.into()));
    }

    /// Returns the target pages of units.
    pub(super) fn pages(&self, index: usize, units: &Range<u64>) -> Range<u64> {
        let page_size = self.layout.page_size().bytes();
        let Range { start, end } = self.bytes(index, units);
        start / page_size..end.div_ceil(page_size)
    }

    fn bytes(&self, index: usize, units: &Range<u64>) -> Range<u64> {
        let size = self.units.get(index).map_or(0, |units| units.size);
        let end = self.blocks.get(index).map_or(0, RamBlock::size);
        units.start * size..units.end.saturating_mul(size).min(end)
    }

    fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Acquire)
    }

    pub(super) fn check_frozen(&self) -> Result<(), SaveError> {
        match self.is_frozen() {
            true => Ok(()),
            false => Err(SaveError::misuse("save the machine before the memory of a background snapshot")),
        }
    }

    pub(super) fn sink(&self) -> RwLockReadGuard<'_, Option<Sink>> {
        self.sink.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self) -> MutexGuard<'_, Option<SaveError>> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fail(&self, error: SaveError) {
        self.error().get_or_insert(error);
    }

    /// Returns the first failure.
    pub(super) fn failure(&self) -> Result<(), SaveError> {
        self.error().take().map_or(Ok(()), Err)
    }
}

impl Units {
    pub(super) fn new(size: u64, count: u64) -> Self {
        Self { size, written: DirtyBitmap::new(count), unsaved: DirtyBitmap::full(count) }
    }

    /// Returns the most units of a run.
    pub(super) fn chunk(&self) -> u64 {
        (CHUNK / self.size).max(1)
    }

    /// Takes units to save them. Returns them in runs, without the units that were written meanwhile and are saved already.
    pub(super) fn take(&self, units: Range<u64>) -> Vec<Range<u64>> {
        let mut taken: Vec<Range<u64>> = Vec::new();
        for unit in units.filter(|unit| self.unsaved.remove(*unit)) {
            match taken.last_mut() {
                Some(run) if run.end == unit => run.end += 1,
                _ => taken.push(unit..unit + 1),
            }
        }
        taken
    }
}
