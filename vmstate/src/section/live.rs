//! Sections that are sent in parts while the machine runs.

use vmstate_types::{LoadError, Reader, SaveError};

use super::Output;
use crate::stream::{Configuration, SectionKind};

/// The amount of data that a live section has left to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Pending {
    /// Bytes that must be sent before the destination can run.
    pub precopy: u64,
    /// Bytes that can also be sent while the destination runs.
    pub postcopy: u64,
}

impl Pending {
    /// Creates an amount of data.
    #[must_use]
    pub fn new(precopy: u64, postcopy: u64) -> Self {
        Self { precopy, postcopy }
    }

    /// Returns the sum of both.
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

/// The pages of guest memory that a save has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SentPages {
    /// Pages with their content.
    pub normal: u64,
    /// Zero pages, which have only a record.
    pub zero: u64,
}

impl SentPages {
    /// Creates the numbers of pages.
    #[must_use]
    pub fn new(normal: u64, zero: u64) -> Self {
        Self { normal, zero }
    }

    /// Returns the larger one of both numbers.
    #[cfg(feature = "migration")]
    #[must_use]
    pub(crate) fn max(self, other: Self) -> Self {
        Self { normal: self.normal.max(other.normal), zero: self.zero.max(other.zero) }
    }
}

impl std::iter::Sum for SentPages {
    fn sum<I: Iterator<Item = Self>>(pages: I) -> Self {
        pages.fold(Self::default(), |sum, next| Self {
            normal: sum.normal.saturating_add(next.normal),
            zero: sum.zero.saturating_add(next.zero),
        })
    }
}

/// A section that is sent in parts while the machine runs, like QEMU's `SaveVMHandlers`. Guest memory is such a section
/// ([`Ram`](crate::ram::Ram)).
///
/// A save calls `save_setup`, then `save_iterate` while there is something to send, then `save_complete` when the machine
/// is stopped, and in any case `save_cleanup`. Each of the first three writes the payload of one section.
///
/// A load calls `load_setup`, then `load` for each section, then `load_finish` if the stream is complete or `load_undo` if
/// the load fails, and in any case `load_cleanup`.
pub trait LiveSection {
    /// Returns whether the section is sent by a save, and required by a load.
    fn is_active(&self) -> bool {
        true
    }

    /// Returns whether `save_iterate` is called now.
    fn is_active_iterate(&self) -> bool {
        true
    }

    /// Writes the payload of the first section.
    ///
    /// # Errors
    /// Returns an error if the section cannot be saved.
    fn save_setup(&mut self, out: &mut Output<'_>) -> Result<(), SaveError>;

    /// Estimates the amount left to send, without synchronizing the dirty log (`state_pending_estimate`).
    fn pending_estimate(&mut self) -> Pending {
        self.pending_exact()
    }

    /// Returns the amount left to send (`state_pending_exact`).
    fn pending_exact(&mut self) -> Pending {
        Pending::default()
    }

    /// Returns the number of pages that were sent since the start.
    fn sent_pages(&self) -> SentPages {
        SentPages::default()
    }

    /// Writes the payload of one section of about `budget` bytes. Returns `true` if nothing is left to send.
    ///
    /// # Errors
    /// Returns an error if the section cannot be saved.
    fn save_iterate(&mut self, out: &mut Output<'_>, budget: u64) -> Result<bool, SaveError>;

    /// Writes the payload of the last section: everything that is left. The machine is stopped.
    ///
    /// # Errors
    /// Returns an error if the section cannot be saved.
    fn save_complete(&mut self, out: &mut Output<'_>) -> Result<(), SaveError>;

    /// Runs at the end of every save, even if the save failed, and even if `save_setup` never ran.
    fn save_cleanup(&mut self) {}

    /// Runs before [`load_setup`](Self::load_setup) if the stream has a configuration: its capabilities can change the
    /// format of the section.
    fn load_format(&mut self, configuration: &Configuration) {
        let _ = configuration;
    }

    /// Runs before the first section of a load. [`load_undo`](Self::load_undo) can follow only if the load is `undoable`.
    ///
    /// # Errors
    /// Returns an error if the section cannot be loaded now.
    fn load_setup(&mut self, undoable: bool) -> Result<(), LoadError>;

    /// Reads the whole payload of one section, which was saved at `version`.
    ///
    /// # Errors
    /// Returns an error if the payload is malformed, or does not fit this machine.
    fn load(&mut self, reader: &mut Reader<'_>, kind: SectionKind, version: u32) -> Result<(), LoadError>;

    /// Returns whether everything was loaded, although the section has no end: QEMU's background snapshots omit it
    /// (`bg_migration_thread` in `migration/migration.c`).
    fn is_complete_without_end(&self) -> bool {
        false
    }

    /// Runs after all sections, before the devices' `post_load` hooks: applies deferred work. The load can still be
    /// undone.
    ///
    /// # Errors
    /// Returns an error if the state cannot be applied.
    fn load_finish(&mut self) -> Result<(), LoadError> {
        Ok(())
    }

    /// Undoes everything that this load has changed.
    ///
    /// # Errors
    /// Returns an error if a part of the state cannot be restored. All others are restored nevertheless.
    fn load_undo(&mut self) -> Result<(), LoadError>;

    /// Runs if the load cannot be undone from now on: applies deferred work, and releases everything
    /// [`load_undo`](Self::load_undo) would need. More sections can follow.
    ///
    /// # Errors
    /// Returns an error if deferred work cannot be applied.
    fn load_forgo_undo(&mut self) -> Result<(), LoadError> {
        Ok(())
    }

    /// Runs at the end of every load, even if the load failed.
    fn load_cleanup(&mut self) {}

    /// Prepares to continue sending after a lost connection (`resume_prepare`).
    ///
    /// # Errors
    /// Returns an error if the section cannot continue.
    fn resume_prepare(&mut self) -> Result<(), SaveError> {
        Ok(())
    }
}
