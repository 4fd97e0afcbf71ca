//! Detects a guest that writes memory faster than it is sent.
//!
//! (QEMU: `migration_trigger_throttle` in `migration/ram.c`.)

use std::time::Duration;

use crate::migration::parameter::Parameters;

/// The periods in which a guest has written, and the ones in which it was too fast.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pressure {
    /// The start of the period that is being measured.
    started: Duration,
    dirtied: u64,
    sent: u64,
    /// The number of periods in which the guest was too fast, since it was slowed down.
    exceeded: u8,
}

/// A guest that was too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Excess {
    /// The bytes that the guest has written.
    pub(super) dirtied: u64,
    /// The bytes that it could have written.
    pub(super) limit: u128,
}

/// The shortest period that is measured.
pub(super) const PERIOD: Duration = Duration::from_secs(1);
/// The number of periods after which the guest is slowed down.
const EXCEEDED: u8 = 2;

impl Pressure {
    /// Records a synchronization of the dirty log at time `now`, which has found `dirtied` bytes, after `sent` bytes since
    /// the synchronization before. Returns the excess if the guest must be slowed down.
    pub(super) fn synchronized(
        &mut self,
        parameters: &Parameters,
        now: Duration,
        dirtied: u64,
        sent: u64,
    ) -> Option<Excess> {
        self.dirtied = self.dirtied.saturating_add(dirtied);
        self.sent = self.sent.saturating_add(sent);
        if now.saturating_sub(self.started) < PERIOD {
            return None;
        }
        let limit = u128::from(self.sent) * u128::from(parameters.throttle_trigger_threshold) / 100;
        let excess = Excess { dirtied: self.dirtied, limit };
        self.exceeded += u8::from(u128::from(excess.dirtied) > limit);
        (self.started, self.dirtied, self.sent) = (now, 0, 0);
        if self.exceeded < EXCEEDED {
            return None;
        }
        self.exceeded = 0;
        Some(excess)
    }
}
