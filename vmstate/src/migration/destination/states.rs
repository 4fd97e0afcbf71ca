//! All states of a destination, and the transitions into them.

use std::time::Instant;

use super::leaving::{Finished, Leaving};
use super::loaded::{AwaitingClose, Committing, Disconnected, Loaded, Running};
use super::loading::{Listening, Loading};
use super::phase::{Next, Phase, Step};
use super::postcopy::{Interrupted, Package, Paused, Receiving};
use super::shared::Shared;
use super::{DestinationAction, DestinationControl, Signal};
use crate::migration::states::states;
use crate::migration::status::MigrationStatus;

states! {
    DestinationControl;
    Listening,
    Loading,
    Package,
    Committing,
    Loaded,
    AwaitingClose,
    Disconnected,
    Running,
    Receiving,
    Interrupted,
    Paused,
    Leaving,
    Finished,
}

impl State {
    /// Begins the state that a transition leads to.
    fn begin(next: Next, shared: &mut Shared, now: Instant) -> Self {
        match next {
            Next::Loading => Loading::begin(shared, now).into(),
            Next::Package(length) => Package::begin(shared, now, length).into(),
            Next::Committing => Committing::begin(shared).into(),
            Next::Loaded => Loaded::begin(shared, now).into(),
            Next::Reconnected => Loaded::resume(shared, now).into(),
            Next::AwaitingClose => AwaitingClose::begin(shared, now).into(),
            Next::Disconnected(reason) => Disconnected::begin(shared, reason).into(),
            Next::Running => Running::begin(shared).into(),
            Next::Receiving => Receiving::begin(shared).into(),
            Next::Interrupted(reason) => Interrupted::begin(shared, reason).into(),
            Next::Paused(reason) => Paused::begin(shared, reason).into(),
            Next::Recovering(command) => Receiving::recover(shared, command).into(),
            Next::AllReceived { answers } => {
                shared.error = None;
                if answers {
                    shared.tell_complete();
                }
                Leaving::begin(shared, MigrationStatus::Completed).into()
            }
            Next::Failed(reason) => {
                shared.give_up(reason, &[DestinationAction::RollBack]);
                Leaving::begin(shared, MigrationStatus::Failed).into()
            }
            // The machine keeps its state, which an operator may still need.
            Next::GivenUp(reason) => {
                shared.give_up(reason, &[]);
                Leaving::begin(shared, MigrationStatus::Failed).into()
            }
            Next::Completed => Leaving::begin(shared, MigrationStatus::Completed).into(),
            Next::Finished => Finished.into(),
        }
    }
}
