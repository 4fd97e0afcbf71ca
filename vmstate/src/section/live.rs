//! Sections that are sent in parts while the machine runs.

use vmstate_types::{LoadError, Reader, SaveError};

use super::Output;
use crate::stream::SectionKind;

/// The amount of data that a live section has left to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Pending {
    /// Bytes that must be sent before the destination can run.
    pub precopy: u64,
    /// Bytes that can also be sent when it runs already.
    pub postcopy: u64,
}

impl Pending {
    /// Creates an amount of data.
    #[must_use]
    pub fn new(precopy: u64, postcopy: u64) -> Self {
        Self { precopy, postcopy }
    }

    /// All that is left.
    #[must_use]
    pub fn total(self) -> u64 {
        self.precopy.saturating_add(self.postcopy)
    }
}

impl std::iter::Sum for Pending {
    fn sum<I: Iterator<Item = Self>>(pending: I) -> Self {
        pending.fold(Self::default(), |sum, next| Self {
            precopy: sum.precopy.saturating_add(next.precopy),
            postcopy: sum.postcopy.saturating_add(next.postcopy),
        })
    }
}

/// A section that is sent while the machine runs, in pieces: QEMU's `SaveVMHandlers`. Guest memory is one
/// ([`Ram`](crate::ram::Ram)).
///
/// A save calls `save_setup`, `save_iterate` as often as there is something to send, `save_complete` when the machine
/// has stopped, and in any case `save_cleanup`. Each of the first three writes the payload of one section. A load calls
/// `load_setup`, `load` for each section, `load_finish` when the stream has ended well or `load_undo` when it has not,
/// and in any case `load_cleanup`.
pub trait LiveSection {
    /// Whether the section is sent at all, and expected when loading.
    fn is_active(&self) -> bool {
        true
    }

    /// Whether `save_iterate` is called now.
    fn is_active_iterate(&self) -> bool {
        true
    }

    /// Writes the payload of the first section.
    ///
    /// # Errors
    /// When the section cannot be saved.
    fn save_setup(&mut self, out: &mut Output<'_>) -> Result<(), SaveError>;

    /// How much is left to send, as far as is known without looking closely (`state_pending_estimate`).
    fn pending_estimate(&mut self) -> Pending {
        self.pending_exact()
    }

    /// How much is left to send (`state_pending_exact`).
    fn pending_exact(&mut self) -> Pending {
        Pending::default()
    }

    /// Writes the payload of one section of about `budget` bytes. `true` when nothing was left to send.
    ///
    /// # Errors
    /// When the section cannot be saved.
    fn save_iterate(&mut self, out: &mut Output<'_>, budget: u64) -> Result<bool, SaveError>;

    /// Writes the payload of the last section: all that is left. The machine has stopped.
    ///
    /// # Errors
    /// When the section cannot be saved.
    fn save_complete(&mut self, out: &mut Output<'_>) -> Result<(), SaveError>;

    /// Runs at the end of every save, even if it failed, and even if `save_setup` never ran.
    fn save_cleanup(&mut self) {}

    /// Runs before a load's first section. Only if the load is `undoable`, [`load_undo`](Self::load_undo) may come.
    ///
    /// # Errors
    /// When the section cannot be loaded now.
    fn load_setup(&mut self, undoable: bool) -> Result<(), LoadError>;

    /// Reads the payload of one section, to its end. It was saved at `version`.
    ///
    /// # Errors
    /// When the bytes are not what they should be.
    fn load(&mut self, reader: &mut Reader<'_>, kind: SectionKind, version: u32) -> Result<(), LoadError>;

    /// Runs when all sections have come, before the devices' `post_load` hooks: what was put off is done now, and can
    /// still be undone.
    ///
    /// # Errors
    /// When the state cannot be taken after all.
    fn load_finish(&mut self) -> Result<(), LoadError> {
        Ok(())
    }

    /// Undoes all that this load has done.
    fn load_undo(&mut self);

    /// Runs if the load cannot be undone from now on: applies what was put off, and releases what
    /// [`load_undo`](Self::load_undo) would need. More sections can follow.
    ///
    /// # Errors
    /// Returns an error if what was put off cannot be applied.
    fn load_forgo_undo(&mut self) -> Result<(), LoadError> {
        Ok(())
    }

    /// Runs at the end of every load, even if it failed.
    fn load_cleanup(&mut self) {}

    /// Gets ready to go on sending after a connection was lost (`resume_prepare`).
    ///
    /// # Errors
    /// When that is not possible.
    fn resume_prepare(&mut self) -> Result<(), SaveError> {
        Ok(())
    }
}
