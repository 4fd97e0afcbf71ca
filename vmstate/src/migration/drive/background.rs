//! The memory of a background snapshot.

use vmstate_types::SaveError;

use super::host::HostMemory;
#[cfg(feature = "control")]
use crate::memory::FirstWrites;
use crate::ram::{BackgroundPages, Record, write_record};
use crate::section::{Output, SentPages};

/// The protected memory of a guest that runs on while it is saved.
#[derive(Debug)]
pub(super) struct Background {
    memory: HostMemory,
    /// Set when the memory is protected.
    pages: Option<BackgroundPages>,
    /// Set when all pages are sent.
    is_sent: bool,
    /// The pages that were reported.
    reported: SentPages,
}

/// Checks that the system can protect memory.
///
/// # Errors
/// Returns the reason why it cannot.
#[cfg(feature = "control")]
pub(in crate::migration) fn probe() -> Result<(), String> {
    FirstWrites::probe().map_err(|error| error.to_string())
}

impl Background {
    pub(super) fn new(memory: HostMemory) -> Self {
        Self { memory, pages: None, is_sent: false, reported: SentPages::default() }
    }

    /// Protects the memory while the guest runs, and writes the payload of the section start.
    pub(super) fn set_up(&mut self, out: &mut Output<'_>) -> Result<(), SaveError> {
        let pages = BackgroundPages::start(self.memory.page_size, self.memory.blocks.clone())?;
        pages.set_up_stream(out)?;
        self.pages = Some(pages);
        Ok(())
    }

    /// Fixes the memory to save. The guest is stopped.
    pub(super) fn freeze(&self) -> Result<(), SaveError> {
        self.pages.as_ref().map_or(Ok(()), BackgroundPages::freeze)
    }

    /// Writes the payload of a part.
    pub(super) fn send(&mut self, out: &mut Output<'_>, budget: u64) -> Result<(), SaveError> {
        self.is_sent = self.pages.as_ref().map_or(Ok(true), |pages| pages.send(out, budget))?;
        write_record(out.writer(), &Record::EndOfSection, "");
        Ok(())
    }

    /// Returns the bytes of memory that are left to send: at least one page, unless all is sent.
    pub(super) fn remaining(&self) -> u64 {
        let page_size = self.memory.page_size.bytes();
        let left = self.pages.as_ref().map_or(page_size, BackgroundPages::remaining);
        if self.is_sent { 0 } else { left.max(page_size) }
    }

    pub(super) fn sent_pages(&self) -> SentPages {
        self.pages.as_ref().map_or(SentPages::default(), BackgroundPages::sent_pages)
    }

    /// Returns the bytes of pages that were written to their places in a file since the last call.
    pub(super) fn placed_bytes(&mut self) -> u64 {
        let sent = self.sent_pages();
        let pages = sent.normal.saturating_sub(self.reported.normal);
        self.reported = sent;
        pages.saturating_mul(self.memory.page_size.bytes())
    }

    /// Ends the protection.
    pub(super) fn end(&mut self) {
        self.pages = None;
    }
}
