//! The machine is loaded, and the right to run it passes to this side.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use super::phase::{Next, Phase, Step};
use super::shared::Shared;
use super::{DestinationAction, DestinationControl, Item, Signal};
use crate::migration::status::{Event, MigrationStatus};
use crate::stream::{Command, DestinationState, ReturnPathMessage};

/// Completing the load.
#[derive(Debug, Clone)]
pub(super) struct Committing;

impl Committing {
    pub(super) fn begin(shared: &mut Shared) -> Self {
        shared.queue(DestinationAction::Commit);
        Self
    }
}

impl Phase for Committing {
    fn handle(self, shared: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done if shared.session.is_some() => Break(Next::Loaded),
            // The package has let the guest run.
            Signal::Done if shared.is_postcopy => Break(Next::Running),
            Signal::Done => Break(Next::AwaitingClose),
            Signal::Failed(reason) | Signal::Lost(reason) => Break(Next::Failed(reason)),
            Signal::Control(_) => Break(Next::Failed("cancelled".to_owned())),
            Signal::Timeout | Signal::Item(_) => Continue(self),
        }
    }
}

/// Waiting for the right to run.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    deadline: Instant,
}

impl Loaded {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.enter(MigrationStatus::Loaded);
        shared.tell(DestinationState::Loaded);
        shared.queue(DestinationAction::ReadCommand);
        Self { deadline: now + shared.config.parameters.run_timeout }
    }

    /// Continues on a new connection.
    pub(super) fn resume(shared: &mut Shared, now: Instant) -> Self {
        shared.tell(shared.state);
        shared.queue(DestinationAction::ReadCommand);
        Self { deadline: now + shared.config.parameters.run_timeout }
    }
}

impl Phase for Loaded {
    fn handle(self, _: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Item(Item::Command(Command::Run)) => Break(Next::Running),
            Signal::Item(Item::Command(Command::Revoke(reason))) => Break(Next::GivenUp(reason)),
            Signal::Control(DestinationControl::Cancel) => Break(Next::GivenUp("cancelled".to_owned())),
            Signal::Item(_) => Continue(self),
            Signal::Done => Continue(self),
            // The source may be dead, or may ask again over a new connection. The loaded machine may be the last copy.
            Signal::Failed(reason) | Signal::Lost(reason) => Break(Next::Disconnected(reason)),
            Signal::Timeout => Break(Next::Disconnected("the source sends nothing".to_owned())),
            Signal::Control(DestinationControl::ForceRun) => Continue(self),
        }
    }

    fn proceed(self, shared: &mut Shared, _: Instant) -> Step<Self> {
        shared.queue(DestinationAction::ReadCommand);
        Continue(self)
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

/// The machine is loaded, and the connection is lost: waiting for the source to ask, or for a command.
#[derive(Debug, Clone)]
pub(super) struct Disconnected;

impl Disconnected {
    pub(super) fn begin(shared: &mut Shared, reason: String) -> Self {
        shared.error.get_or_insert(reason);
        if shared.status() != MigrationStatus::Loaded {
            shared.enter(MigrationStatus::Loaded);
        }
        shared.clear_queue();
        shared.queue(DestinationAction::Close);
        // Only a source that uses the handshake can come back.
        if shared.session.is_some() {
            shared.queue(DestinationAction::Accept);
            shared.queue(DestinationAction::ReadCommand);
        }
        Self
    }
}

impl Phase for Disconnected {
    fn handle(self, shared: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Item(Item::Command(Command::Session(session))) if shared.session == Some(session) => {
                Break(Next::Reconnected)
            }
            Signal::Item(_) => {
                let (state, reason) = (DestinationState::Unknown, String::new());
                shared.queue(DestinationAction::Answer(ReturnPathMessage::Status { state, reason }));
                self.listen_again(shared)
            }
            Signal::Failed(_) | Signal::Lost(_) | Signal::Timeout
                if shared.is_doing(&DestinationAction::ReadCommand) =>
            {
                self.listen_again(shared)
            }
            Signal::Control(DestinationControl::Cancel) => Break(Next::GivenUp("cancelled".to_owned())),
            Signal::Control(DestinationControl::ForceRun) => Break(Next::Running),
            _ => Continue(self),
        }
    }

    fn accepts(&self, _: &DestinationControl) -> bool {
        true
    }
}

impl Disconnected {
    fn listen_again(self, shared: &mut Shared) -> Step<Self> {
        shared.queue(DestinationAction::Close);
        shared.queue(DestinationAction::Accept);
        shared.queue(DestinationAction::ReadCommand);
        Continue(self)
    }
}

/// Waiting for a source that does not use the handshake to close the connection: only then it cannot resume the guest.
#[derive(Debug, Clone)]
pub(super) struct AwaitingClose {
    deadline: Instant,
}

impl AwaitingClose {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        if shared.return_path {
            shared.queue(DestinationAction::Answer(ReturnPathMessage::Shut(0)));
        }
        shared.queue(DestinationAction::AwaitClose);
        Self { deadline: now + shared.config.parameters.answer_timeout }
    }
}

impl Phase for AwaitingClose {
    fn handle(self, shared: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done if shared.is_doing(&DestinationAction::AwaitClose) => Break(Next::Running),
            Signal::Done | Signal::Item(_) => Continue(self),
            // It is unknown whether the source has received SHUT: it resumes the guest if not.
            Signal::Failed(reason) | Signal::Lost(reason) => Break(Next::Disconnected(reason)),
            Signal::Timeout => Break(Next::Disconnected("the source does not close the connection".to_owned())),
            Signal::Control(_) => Break(Next::GivenUp("cancelled".to_owned())),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }

    /// The source has been told that the machine is loaded, and may be completed.
    fn accepts(&self, _: &DestinationControl) -> bool {
        false
    }
}

/// Starting the guest.
#[derive(Debug, Clone)]
pub(super) struct Running;

impl Running {
    pub(super) fn begin(shared: &mut Shared) -> Self {
        shared.clear_queue();
        shared.error = None;
        shared.queue(DestinationAction::Run);
        Self
    }
}

impl Phase for Running {
    fn handle(self, shared: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done if shared.is_doing(&DestinationAction::Run) => {
                shared.events.push_back(Event::Resumed);
                shared.tell(DestinationState::Running);
                Break(if shared.is_postcopy { Next::Receiving } else { Next::Completed })
            }
            Signal::Failed(reason) => Break(Next::GivenUp(reason)),
            _ => Continue(self),
        }
    }

    fn accepts(&self, _: &DestinationControl) -> bool {
        false
    }
}
