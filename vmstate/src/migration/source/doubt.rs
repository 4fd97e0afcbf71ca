//! The states in which only the destination, or an operator, knows which side has the guest.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use super::link::Peer;
use super::phase::{NO_ANSWER, Next, Phase, Step};
use super::shared::Shared;
use super::switchover::running;
use super::{Signal, SourceAction, SourceControl};
use crate::migration::status::MigrationStatus;
use crate::stream::{Command, DestinationState, ReturnPathMessage};

/// The reason of a migration that an operator has ended.
const FORCED: &str = "the guest was resumed by a command";

/// The right to run was given away, and the answer is lost. Both guests are stopped, or the destination's runs.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    /// Set if the destination can be asked for its state. A QEMU cannot.
    recoverable: bool,
    /// The time at which the source asks without a command.
    retry: Option<Instant>,
}

impl Doubt {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.clear_queue();
        shared.queue(SourceAction::Close);
        if shared.status() != MigrationStatus::Doubt {
            shared.enter(MigrationStatus::Doubt);
        }
        let recoverable = shared.link.peer() == Peer::Own;
        let retry = if recoverable { shared.retries.next(&shared.config.parameters, now) } else { None };
        Self { recoverable, retry }
    }
}

impl Phase for Doubt {
    fn handle(self, _: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Timeout if self.retry.is_some_and(|retry| now >= retry) => Break(Next::Asking { revoke: false }),
            Signal::Control(SourceControl::Recover) => Break(Next::Asking { revoke: false }),
            Signal::Control(SourceControl::Cancel) => Break(Next::Asking { revoke: true }),
            Signal::Control(SourceControl::ForceRun) => Break(Next::Failed(FORCED.to_owned())),
            Signal::Control(SourceControl::Abandon) => Break(Next::Completed),
            _ => Continue(self),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.retry
    }

    fn accepts(&self, control: &SourceControl) -> bool {
        match control {
            SourceControl::Recover | SourceControl::Cancel => self.recoverable,
            SourceControl::ForceRun | SourceControl::Abandon => true,
            SourceControl::Continue | SourceControl::StartPostcopy | SourceControl::Set(_) => false,
        }
    }
}

/// Asking the destination for its state, over a new connection.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    /// Takes the right to run back.
    revoke: bool,
    /// Set when the new connection is made. Until then, answers are from the old one, whose end RUN must not follow.
    connected: bool,
    deadline: Instant,
}

impl Asking {
    pub(super) fn begin(shared: &mut Shared, now: Instant, revoke: bool) -> Self {
        shared.queue(SourceAction::Connect);
        shared.queue(SourceAction::Send(Command::Session(shared.config.session)));
        let parameters = &shared.config.parameters;
        let deadline = now + parameters.connect_timeout + parameters.answer_timeout;
        Self { revoke, connected: false, deadline }
    }

    fn answered(self, shared: &Shared, state: DestinationState) -> Step<Self> {
        match state {
            DestinationState::Loaded if self.revoke => Break(Next::Revoking),
            DestinationState::Loaded => Break(Next::Committed),
            DestinationState::Running => Break(running(shared)),
            DestinationState::Complete => Break(Next::Completed),
            DestinationState::Declined => Break(Next::Failed("the destination has declined".to_owned())),
            // A process that does not know the migration is not the destination: that one may run.
            DestinationState::Unknown => {
                Break(Next::Doubt("the process at the address does not know the migration".to_owned()))
            }
            DestinationState::Loading => Continue(self),
        }
    }
}

impl Phase for Asking {
    fn handle(mut self, shared: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(_) => {
                if shared.is_doing(&SourceAction::Connect) {
                    (shared.connected, self.connected) = (true, true);
                    shared.link.reconnect();
                }
                Continue(self)
            }
            Signal::Message(_) | Signal::Lost(_) if !self.connected => Continue(self),
            Signal::Message(ReturnPathMessage::Status { state, .. }) => self.answered(shared, state),
            Signal::Message(_) | Signal::Bitmap(..) => Continue(self),
            Signal::Failed(reason) | Signal::Lost(reason) => Break(Next::Doubt(reason)),
            Signal::Timeout => Break(Next::Doubt(NO_ANSWER.to_owned())),
            Signal::Control(_) => {
                self.revoke = true;
                Continue(self)
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}
