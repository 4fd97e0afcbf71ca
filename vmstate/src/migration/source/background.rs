//! Background snapshots: the guest pauses for its devices, and its memory of that moment is sent while it runs on.
//!
//! The stream is a copy of the guest, which stays on this side in any case. So nothing is negotiated with the destination,
//! and no failure leaves open which side has the guest.
//! (QEMU: `bg_migration_thread` in `migration/migration.c`.)

use std::ops::ControlFlow::{Break, Continue};
use std::time::{Duration, Instant};

use super::phase::{Next, Phase, Step};
use super::shared::Shared;
use super::{Signal, SourceAction};
use crate::migration::status::{Event, MigrationStatus};

/// The most bytes of a part, so that commands are handled between parts.
const PART: u64 = 4 << 20;
/// The period over which rates are measured.
const SLICE: Duration = Duration::from_millis(100);

/// Pausing the guest for its devices.
#[derive(Debug, Clone)]
pub(super) struct Capturing;

impl Capturing {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        let at = Some(shared.elapsed(now));
        (shared.times.active, shared.times.stopping) = (at, at);
        shared.begin_only_pass();
        shared.enter(MigrationStatus::Active);
        if shared.config.guest_runs {
            shared.stop_guest(now);
        }
        shared.queue(SourceAction::Capture);
        if shared.config.guest_runs {
            shared.queue(SourceAction::Resume);
        }
        Self
    }
}

impl Phase for Capturing {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(_) if shared.is_doing(&SourceAction::Stop) => {
                shared.guest_has_stopped(now);
                Continue(self)
            }
            Signal::Done(_) if shared.is_doing(&SourceAction::Resume) => {
                shared.guest_stopped = false;
                shared.events.push_back(Event::Resumed);
                Continue(self)
            }
            signal => self.handle_before_run(shared, now, signal),
        }
    }

    fn proceed(self, _: &mut Shared, _: Instant) -> Step<Self> {
        Break(Next::Copying)
    }
}

/// Sending the memory of the moment of the pause. `max-bandwidth` does not apply, as in QEMU, because writes of the guest
/// wait for it.
#[derive(Debug, Clone)]
pub(super) struct Copying {
    slice_started: Instant,
    /// The bytes that were sent in the slice.
    slice_bytes: u64,
}

impl Copying {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.times.released = Some(shared.elapsed(now));
        shared.queue(SourceAction::Iterate { budget: PART });
        Self { slice_started: now, slice_bytes: 0 }
    }

    /// Begins the next slice, if the last one has ended.
    fn end_slice(&mut self, shared: &mut Shared, now: Instant) {
        let duration = now.saturating_duration_since(self.slice_started);
        if duration >= SLICE {
            shared.slice_ended(self.slice_bytes, duration);
            (self.slice_started, self.slice_bytes) = (now, 0);
        }
    }
}

impl Phase for Copying {
    fn handle(mut self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(done) => {
                shared.count(now, done);
                self.slice_bytes = self.slice_bytes.saturating_add(done.bytes);
                self.end_slice(shared, now);
                if shared.is_doing(&SourceAction::End) {
                    return Break(Next::Completed);
                }
                shared.history.remains(done.remaining);
                let rest = if done.remaining > 0 { SourceAction::Iterate { budget: PART } } else { SourceAction::End };
                shared.queue(rest);
                Continue(self)
            }
            signal => self.handle_before_run(shared, now, signal),
        }
    }
}
