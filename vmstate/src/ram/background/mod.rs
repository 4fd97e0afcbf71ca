//! Memory that is saved while its guest runs, with its content of one moment.
//!
//! All pages are protected against writes. A thread of the guest that writes a page which is not saved yet waits until
//! exactly this page is copied, so the save has the memory of the moment of the pause. The protection itself takes a time
//! that grows with the memory, so it happens before the pause; pages that are written between are protected again.
//! (QEMU: the capability `background-snapshot`, `ram_write_tracking_start` in `migration/ram.c`.)

#[cfg(feature = "migration")]
mod copies;
mod engine;
mod places;
mod sink;
#[cfg(feature = "migration")]
mod stream;
#[cfg(all(test, feature = "migration"))]
mod tests;

#[cfg(feature = "snapshot")]
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vmstate_types::SaveError;

use self::engine::Engine;
#[cfg(feature = "snapshot")]
use crate::memory::ProtectedPages;
use crate::memory::{FirstWrites, MemoryError, PageSize, SharedBlock};
use crate::section::Output;
#[cfg(feature = "migration")]
use crate::section::SentPages;

/// Guest memory that is saved while the guest runs.
pub(crate) struct BackgroundPages {
    engine: Arc<Engine>,
    /// Dropping it releases all pages.
    writes: Mutex<Option<FirstWrites>>,
    #[cfg(feature = "snapshot")]
    pages: ProtectedPages,
}

impl BackgroundPages {
    /// Protects the memory, for example while the guest runs.
    ///
    /// # Errors
    /// Returns an error if the system does not support userfaultfd (Linux 6.4), the memory is of a kind that cannot be
    /// protected or is registered already, or no thread can be started.
    pub(crate) fn start(page_size: PageSize, blocks: Vec<SharedBlock>) -> Result<Self, MemoryError> {
        let engine = Arc::new(Engine::new(page_size, blocks)?);
        let (handler, mut buffer) = (engine.clone(), Vec::new());
        let writes = FirstWrites::start(engine.blocks().to_vec(), move |pages, faults| {
            faults.iter().for_each(|fault| handler.fault(pages, fault, &mut buffer));
        })?;
        for (index, block) in engine.blocks().iter().enumerate() {
            writes.pages().protect(index, 0..block.size())?;
        }
        Ok(Self {
            engine,
            #[cfg(feature = "snapshot")]
            pages: writes.pages().clone(),
            writes: Mutex::new(Some(writes)),
        })
    }

    /// Saves the pages of `bytes` that are not saved yet in this thread, before it writes them.
    #[cfg(feature = "snapshot")]
    #[inline]
    pub(crate) fn before_write(&self, block: usize, bytes: &Range<u64>) {
        self.engine.before_write(&self.pages, block, bytes);
    }

    /// Writes the payload of the section start to a file in which pages have fixed places.
    ///
    /// # Errors
    /// Returns an error if pages have no places, or the section was begun before.
    #[cfg(feature = "snapshot")]
    pub(crate) fn set_up(&self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.engine.set_up_places(out)
    }

    /// Writes the payload of the section start.
    ///
    /// # Errors
    /// Returns an error if the section was begun before, or the output fails.
    #[cfg(feature = "migration")]
    pub(crate) fn set_up_stream(&self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.engine.set_up(out)
    }

    /// Fixes the memory to save: the content of this moment. The guest is paused.
    ///
    /// # Errors
    /// Returns an error if the save has ended, or the system cannot protect pages.
    pub(crate) fn freeze(&self) -> Result<(), SaveError> {
        match &*self.writes() {
            Some(writes) => self.engine.freeze(writes.pages()),
            None => Err(has_ended()),
        }
    }

    /// Saves all pages at their places. Returns when they are saved.
    ///
    /// # Errors
    /// Returns an error if the memory was not [frozen](Self::freeze), or the file cannot be written. The guest is not harmed,
    /// and does not wait anymore.
    #[cfg(feature = "snapshot")]
    pub(crate) fn finish(&self) -> Result<(), SaveError> {
        let writes = self.writes().take().ok_or_else(has_ended)?;
        self.engine.place_all(writes.pages())?;
        self.engine.wait_for_writers();
        // The handler may still write the last pages to the file: this waits for its thread.
        drop(writes);
        self.engine.finish()
    }

    /// Writes pages of about `budget` bytes: to their places, or as records, written pages first. Returns
    /// whether all pages are saved.
    ///
    /// # Errors
    /// Returns an error if the memory was not [frozen](Self::freeze), or the output fails.
    #[cfg(feature = "migration")]
    pub(crate) fn send(&self, out: &mut Output<'_>, budget: u64) -> Result<bool, SaveError> {
        let mut slot = self.writes();
        let Some(writes) = &*slot else { return Ok(true) };
        if !self.engine.send(writes.pages(), out, budget)? {
            return Ok(false);
        }
        // The handler may still copy the last pages: this waits for its thread.
        drop(slot.take());
        self.engine.send_copies(out)?;
        self.engine.finish().map(|()| true)
    }

    /// Returns the number of writes that had to wait until their page was copied.
    pub(crate) fn waits(&self) -> u64 {
        self.engine.waits()
    }

    /// Returns whether writes by system calls and by KVM are handled until the end.
    #[cfg(feature = "snapshot")]
    pub(crate) fn handles_kernel_faults(&self) -> bool {
        self.writes().as_ref().is_some_and(FirstWrites::handles_kernel_faults)
    }

    /// Returns the bytes of pages that are not saved yet.
    #[cfg(feature = "migration")]
    pub(crate) fn remaining(&self) -> u64 {
        self.engine.remaining()
    }

    /// Returns the number of pages that were saved.
    #[cfg(feature = "migration")]
    pub(crate) fn sent_pages(&self) -> SentPages {
        self.engine.sent_pages()
    }

    fn writes(&self) -> MutexGuard<'_, Option<FirstWrites>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for BackgroundPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackgroundPages").field("waits", &self.waits()).finish_non_exhaustive()
    }
}

fn has_ended() -> SaveError {
    SaveError::misuse("the background snapshot is complete; start another one")
}
