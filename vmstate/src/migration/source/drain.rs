//! The wait for the destination to read the stream so far, before the guest stops.
//!
//! The buffers of a connection hold megabytes. If the guest stopped while they are full, its downtime would include the
//! time in which the destination reads them, which no prediction knows. The answer to a PING shows that they are empty. Only
//! a destination of this library is asked: the conversation with a QEMU is QEMU's own.

use std::time::Instant;

use super::SourceAction;
use super::link::Peer;
use super::shared::Shared;
use crate::migration::protocol::PING_DRAINED;
use crate::stream::Command;

/// The most memory that the destination may still have to load when the guest stops. A loopback connection or a fast
/// network transfers it in less than a tenth of a millisecond.
const UNREAD: u64 = 256 << 10;
/// The largest number of waits. A guest that writes fast fills the buffers again each time.
const ROUNDS: u32 = 8;

/// The unread part of the stream, and the PING at its end.
#[derive(Debug, Default, Clone)]
pub(super) struct Drain {
    /// Bytes of the stream or of memory, whichever are more: a page of zeros has few bytes, and takes time nevertheless.
    unread: u64,
    rounds: u32,
    /// The time at which the destination must have answered the PING that was sent.
    deadline: Option<Instant>,
}

impl Drain {
    /// Counts bytes that were sent.
    pub(super) fn sent(&mut self, bytes: u64) {
        self.unread = self.unread.saturating_add(bytes);
    }

    /// Sends the PING if the destination may have much to read. Returns whether the switchover has to wait for its answer.
    pub(super) fn begin(&mut self, shared: &mut Shared, now: Instant) -> bool {
        if shared.link.peer() != Peer::Own || self.unread <= UNREAD || self.rounds == ROUNDS {
            return false;
        }
        self.rounds += 1;
        self.deadline = Some(now + shared.config.parameters.progress_timeout);
        shared.queue(SourceAction::Send(Command::Ping(PING_DRAINED)));
        true
    }

    /// Returns whether the answer to the PING is missing.
    pub(super) fn is_waiting(&self) -> bool {
        self.deadline.is_some()
    }

    /// Returns the time at which the destination must have answered.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Records a PONG. Returns whether it is the awaited one; the guest has written meanwhile.
    pub(super) fn answered(&mut self, number: u32) -> bool {
        let awaited = number == PING_DRAINED && self.deadline.take().is_some();
        if awaited {
            self.unread = 0;
        }
        awaited
    }
}
