//! All states of a source, and the transitions into them.

use std::time::Instant;

use super::active::Active;
use super::background::{Capturing, Copying};
use super::doubt::{Asking, Doubt};
use super::leaving::{Finished, Leaving};
use super::phase::{Next, Phase, Step};
use super::postcopy::{Interrupted, Packaged, Recovering, Split, Switching};
use super::shared::Shared;
use super::starting::{Connecting, Starting};
use super::switchover::{Barrier, Committed, Completing, Ending, PreSwitchover, Revoking, Sent, Stopping};
use super::{Signal, SourceControl};
use crate::migration::capability::Capability;
use crate::migration::states::states;
use crate::migration::status::MigrationStatus;

states! {
    SourceControl;
    Connecting,
    Starting,
    Active,
    Capturing,
    Copying,
    Stopping,
    PreSwitchover,
    Completing,
    Switching,
    Packaged,
    Split,
    Interrupted,
    Recovering,
    Barrier,
    Ending,
    Sent,
    Committed,
    Revoking,
    Doubt,
    Asking,
    Leaving,
    Finished,
}

impl State {
    /// Begins the state that a transition leads to.
    fn begin(next: Next, shared: &mut Shared, now: Instant) -> Self {
        match next {
            Next::Starting => Starting::begin(shared, now).into(),
            Next::Active if shared.config.has(Capability::BackgroundSnapshot) => Capturing::begin(shared, now).into(),
            Next::Active => Active::begin(shared, now).into(),
            Next::Copying => Copying::begin(shared, now).into(),
            Next::Stopping => Stopping::begin(shared, now).into(),
            Next::Stopped if shared.config.has(Capability::PauseBeforeSwitchover) => {
                PreSwitchover::begin(shared).into()
            }
            Next::Stopped | Next::Completing if shared.is_postcopy => Switching::begin(shared, now).into(),
            Next::Stopped | Next::Completing => Completing::begin(shared, now).into(),
            Next::Barrier => Barrier::begin(shared, now).into(),
            Next::Ending => Ending::begin(shared, now).into(),
            Next::Sent => Sent::begin(shared, now).into(),
            Next::Committed => Committed::begin(shared, now).into(),
            Next::Revoking => Revoking::begin(shared, now).into(),
            Next::Asking { revoke } => Asking::begin(shared, now, revoke).into(),
            Next::Packaged => Packaged::begin(shared, now).into(),
            Next::Split => Split::begin(shared, now).into(),
            Next::Recovering { connect } => Recovering::begin(shared, now, connect).into(),
            Next::Interrupted(reason) => {
                shared.error.get_or_insert(reason);
                Interrupted::begin(shared, now).into()
            }
            Next::Doubt(reason) if shared.is_split => {
                shared.error.get_or_insert(reason);
                Interrupted::begin(shared, now).into()
            }
            Next::Doubt(reason) => {
                shared.error.get_or_insert(reason);
                Doubt::begin(shared, now).into()
            }
            Next::Failed(reason) => {
                shared.error.get_or_insert(reason);
                Leaving::begin(shared, now, MigrationStatus::Failed).into()
            }
            Next::Cancelled => Leaving::begin(shared, now, MigrationStatus::Cancelled).into(),
            Next::Completed => Leaving::begin(shared, now, MigrationStatus::Completed).into(),
            Next::Finished => Finished.into(),
        }
    }
}
