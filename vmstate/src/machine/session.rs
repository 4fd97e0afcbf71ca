//! The link between a session and the machine that it saves or loads.
//!
//! Sessions do not borrow their machine, so each step has to check that it gets the right machine, and that the machine
//! still has the sections that the session has counted.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Machine;
use crate::registry::{SectionHandler, Threading};
use crate::section::LiveSection;

/// Numbers the sessions of all machines, so that a session cannot be mistaken for one of another machine.
static NEXT_SESSION: AtomicU64 = AtomicU64::new(0);

/// The session in progress on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Active {
    number: u64,
    direction: Direction,
}

/// The direction of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Save,
    Load,
}

/// A session's proof of the machine that it began with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    number: u64,
    /// The revision of the registry.
    revision: u64,
}

/// The reason why a session cannot continue on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mismatch {
    #[error("another session has begun on the machine, or this session belongs to another machine")]
    Session,
    // QEMU rejects `device_add` and `device_del` while a migration runs (`system/qdev-monitor.c`).
    #[error("sections were registered or removed after the session began")]
    Sections,
}

impl<T: Threading> Machine<'_, T> {
    /// Makes a new session the one in progress, and cleans up if the one before was dropped.
    pub(super) fn begin_session(&mut self, direction: Direction) -> Ticket {
        self.clean_up();
        // The order of other memory accesses does not matter: only the number has to be unique.
        let number = NEXT_SESSION.fetch_add(1, Ordering::Relaxed);
        self.active = Some(Active { number, direction });
        Ticket { number, revision: self.registry.revision() }
    }

    /// Checks that the session of `ticket` is in progress and that all entries are where they were when it began.
    pub(super) fn check_session(&self, ticket: Ticket) -> Result<(), Mismatch> {
        if !self.is_active(ticket) {
            return Err(Mismatch::Session);
        }
        if self.registry.revision() != ticket.revision {
            return Err(Mismatch::Sections);
        }
        Ok(())
    }

    /// Returns whether the session of `ticket` is the one in progress.
    pub(super) fn is_active(&self, ticket: Ticket) -> bool {
        self.active.is_some_and(|active| active.number == ticket.number)
    }

    /// Ends a session, unless another one has begun.
    pub(super) fn end_session(&mut self, ticket: Ticket) {
        if self.is_active(ticket) {
            self.clean_up();
        }
    }

    /// Has the live sections clean up after the session in progress.
    fn clean_up(&mut self) {
        let Some(active) = self.active.take() else { return };
        for entry in &mut self.registry.entries {
            let SectionHandler::Live(live) = &mut entry.handler else { continue };
            match active.direction {
                Direction::Save => live.save_cleanup(),
                Direction::Load => live.load_cleanup(),
            }
        }
    }
}
