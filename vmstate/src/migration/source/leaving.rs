//! The end of a migration.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use super::link::Peer;
use super::phase::{Next, Phase, Step};
use super::shared::Shared;
use super::{Signal, SourceAction, SourceControl};
use crate::migration::status::{Event, MigrationStatus};
use crate::stream::Command;

/// Closing the channel and, unless the migration is completed, resuming the guest.
#[derive(Debug, Clone)]
pub(super) struct Leaving {
    outcome: MigrationStatus,
}

impl Leaving {
    pub(super) fn begin(shared: &mut Shared, now: Instant, outcome: MigrationStatus) -> Self {
        shared.clear_queue();
        shared.times.finished = Some(shared.elapsed(now));
        match outcome {
            MigrationStatus::Failed => shared.enter(MigrationStatus::Failing),
            MigrationStatus::Cancelled if shared.status() != MigrationStatus::Cancelling => {
                shared.enter(MigrationStatus::Cancelling);
            }
            _ => {}
        }
        Self::queue_actions(shared, outcome);
        Self { outcome }
    }

    fn queue_actions(shared: &mut Shared, outcome: MigrationStatus) {
        let completed = outcome == MigrationStatus::Completed;
        if shared.throttle.percent().is_some() {
            shared.queue(SourceAction::Throttle(0));
        }
        if shared.write_limit.limit().is_some() {
            shared.queue(SourceAction::LimitWrites(None));
        }
        if shared.connected {
            if !completed && shared.link.peer() == Peer::Own {
                let reason = shared.error.clone().unwrap_or_else(|| "cancelled".to_owned());
                shared.queue(SourceAction::Send(Command::Revoke(reason)));
            }
            shared.queue(SourceAction::Close);
        }
        if !completed && shared.guest_stopped {
            shared.queue(SourceAction::Resume);
        }
    }

    fn finish(&self, shared: &mut Shared) {
        shared.enter(self.outcome);
        if self.outcome == MigrationStatus::Completed {
            report_exceeded_limit(shared);
        }
        let reason = shared.error.clone().filter(|_| self.outcome != MigrationStatus::Completed);
        shared.events.push_back(Event::Ended { status: self.outcome, reason });
    }
}

/// Reports a downtime that is more than a tenth above the limit.
fn report_exceeded_limit(shared: &mut Shared) {
    let limit = shared.config.parameters.downtime_limit;
    if let Some(downtime) = shared.downtime().filter(|downtime| *downtime > limit + limit / 10) {
        shared.events.push_back(Event::LimitExceeded { downtime, limit });
    }
}

impl Phase for Leaving {
    fn handle(self, shared: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(_) if shared.is_doing(&SourceAction::Resume) => {
                shared.guest_stopped = false;
                shared.events.push_back(Event::Resumed);
            }
            // The connection was made after the cancellation.
            Signal::Done(_) if shared.is_doing(&SourceAction::Connect) => shared.queue(SourceAction::Close),
            Signal::Failed(reason) if shared.is_doing(&SourceAction::Resume) => {
                shared.error.get_or_insert(reason);
            }
            _ => {}
        }
        Continue(self)
    }

    fn proceed(self, shared: &mut Shared, _: Instant) -> Step<Self> {
        self.finish(shared);
        Break(Next::Finished)
    }

    fn accepts(&self, _: &SourceControl) -> bool {
        false
    }
}

/// The end.
#[derive(Debug, Clone)]
pub(super) struct Finished;

impl Phase for Finished {
    fn handle(self, _: &mut Shared, _: Instant, _: Signal) -> Step<Self> {
        Continue(self)
    }

    /// QEMU answers `migrate_cancel` with OK although there is nothing to cancel.
    fn accepts(&self, control: &SourceControl) -> bool {
        matches!(control, SourceControl::Cancel)
    }
}
