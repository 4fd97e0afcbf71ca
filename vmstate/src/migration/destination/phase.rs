//! The common part of all states: their interface, and the transitions between them.

use std::ops::ControlFlow::{self, Continue};
use std::time::Instant;

use super::shared::Shared;
use super::{DestinationControl, Signal};
use crate::stream::Command;

/// A transition to another state.
#[derive(Debug)]
pub(super) enum Next {
    Loading,
    /// A package of this length follows.
    Package(u32),
    Committing,
    Loaded,
    /// A source asks again over a new connection.
    Reconnected,
    AwaitingClose,
    /// The machine is loaded, and the connection is lost for this reason.
    Disconnected(String),
    Running,
    /// The guest runs, and its pages arrive.
    Receiving,
    /// The connection is lost while the guest runs.
    Interrupted(String),
    /// Pages are missing, and the source has to connect again.
    Paused(String),
    /// The source has connected again, with this command.
    Recovering(Command),
    /// All pages have arrived. Set `answers` if the source can be told.
    AllReceived {
        answers: bool,
    },
    /// The load fails and is rolled back.
    Failed(String),
    /// The guest is given up, although the machine is loaded.
    GivenUp(String),
    Completed,
    Finished,
}

/// The result of a signal: the state continues, or a transition consumes it.
pub(super) type Step<S> = ControlFlow<Next, S>;

/// A state.
pub(super) trait Phase: Sized {
    /// Handles a signal.
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self>;

    /// Continues when no action is left.
    fn proceed(self, shared: &mut Shared, now: Instant) -> Step<Self> {
        let _ = (shared, now);
        Continue(self)
    }

    /// Returns the time at which the state needs [`Signal::Timeout`].
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Returns whether the state executes a command.
    fn accepts(&self, control: &DestinationControl) -> bool {
        *control == DestinationControl::Cancel
    }
}
