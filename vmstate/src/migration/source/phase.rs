//! The common part of all states: their interface, and the transitions between them.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Instant;

use super::shared::Shared;
use super::{Signal, SourceControl};
use crate::stream::{DestinationState, ReturnPathMessage};

/// A transition to another state.
#[derive(Debug)]
pub(super) enum Next {
    Starting,
    Active,
    Stopping,
    /// The devices of a background snapshot are saved, and the guest continues.
    Copying,
    /// The guest is stopped.
    Stopped,
    Completing,
    Barrier,
    Ending,
    Sent,
    Committed,
    /// The package with the devices was sent, and lets nothing run.
    Packaged,
    /// The guest runs on the destination, or may run there.
    Split,
    /// The connection was lost while the guest runs on the destination.
    Interrupted(String),
    Recovering {
        /// Set if the connection is still to be made.
        connect: bool,
    },
    Revoking,
    Asking {
        revoke: bool,
    },
    /// The right to run was given away, and the answer is missing, with this reason.
    Doubt(String),
    /// The guest continues on this side, with the reason of the failure.
    Failed(String),
    Cancelled,
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
    fn accepts(&self, control: &SourceControl) -> bool {
        matches!(control, SourceControl::Cancel)
    }

    /// Handles everything that ends a migration before the right to run is given away: the guest continues on this side.
    ///
    /// QEMU 10.0 continues after an error of the return path, and fails only at the end. The destination may have started
    /// the guest by then (`source_return_path_thread` in `migration/migration.c`), so this engine fails at once.
    fn handle_before_run(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(done) => {
                shared.count(now, done);
                Continue(self)
            }
            Signal::Failed(reason) | Signal::Lost(reason) => Break(Next::Failed(reason)),
            Signal::Timeout => Break(Next::Failed(NO_ANSWER.to_owned())),
            Signal::Control(SourceControl::Cancel) => Break(Next::Cancelled),
            Signal::Control(_) | Signal::Bitmap(..) => Continue(self),
            Signal::Message(message) => match rejection(&message) {
                Some(reason) => Break(Next::Failed(reason)),
                None => Continue(self),
            },
        }
    }
}

/// The reason of a timeout.
pub(super) const NO_ANSWER: &str = "the destination does not answer";

/// Returns the reason of the destination, if it rejects the migration.
pub(super) fn rejection(message: &ReturnPathMessage) -> Option<String> {
    match message {
        ReturnPathMessage::Shut(0) => Some("the destination has closed the return path early".to_owned()),
        ReturnPathMessage::Shut(error) => Some(format!("the destination has failed with error {error}")),
        ReturnPathMessage::Status { state: DestinationState::Declined, reason } => {
            Some(format!("the destination has declined: {}", reason.escape_debug()))
        }
        _ => None,
    }
}
