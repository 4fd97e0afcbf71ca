//! The end of a migration.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use super::phase::{Next, Phase, Step};
use super::shared::Shared;
use super::{DestinationAction, DestinationControl, Signal};
use crate::migration::status::{Event, MigrationStatus};

/// Closing the connection.
#[derive(Debug, Clone)]
pub(super) struct Leaving {
    outcome: MigrationStatus,
}

impl Leaving {
    /// Closes the connection after the actions that are queued already.
    pub(super) fn begin(shared: &mut Shared, outcome: MigrationStatus) -> Self {
        shared.queue(DestinationAction::Close);
        Self { outcome }
    }
}

impl Phase for Leaving {
    fn handle(self, _: &mut Shared, _: Instant, _: Signal) -> Step<Self> {
        Continue(self)
    }

    fn proceed(self, shared: &mut Shared, _: Instant) -> Step<Self> {
        shared.enter(self.outcome);
        let reason = shared.error.clone().filter(|_| self.outcome != MigrationStatus::Completed);
        shared.events.push_back(Event::Ended { status: self.outcome, reason });
        Break(Next::Finished)
    }

    fn accepts(&self, _: &DestinationControl) -> bool {
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

    fn accepts(&self, _: &DestinationControl) -> bool {
        false
    }
}
