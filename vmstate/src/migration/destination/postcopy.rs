//! Postcopy: the guest runs on this side before all of its pages have arrived.
//!
//! The driver places the pages as they arrive, and requests the pages that the guest waits for: neither passes through the
//! engine. A lost connection stops only threads that need a missing page. The source continues over a new connection.
//! (QEMU: `loadvm_postcopy_handle_listen` and `postcopy_ram_listen_thread` in `migration/savevm.c`.)

use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use super::phase::{Next, Phase, Step};
use super::shared::Shared;
use super::{DestinationAction, DestinationControl, Item, Signal};
use crate::migration::capability::Capability;
use crate::migration::status::{Event, MigrationStatus};
use crate::stream::{Command, DestinationState, ReturnPathMessage};

/// Loading the package with the devices.
#[derive(Debug, Clone)]
pub(super) struct Package {
    /// Set after the command LISTEN, which precedes the devices.
    listens: bool,
    deadline: Instant,
}

impl Package {
    pub(super) fn begin(shared: &mut Shared, now: Instant, length: u32) -> Self {
        shared.enter(MigrationStatus::PostcopyDevice);
        shared.is_postcopy = true;
        accept_preempt(shared);
        shared.queue(DestinationAction::Listen { length });
        Self { listens: false, deadline: now + shared.config.parameters.progress_timeout }
    }

    fn item(mut self, shared: &mut Shared, item: Item) -> Step<Self> {
        match item {
            Item::Command(Command::PostcopyListen) if !self.listens => self.listens = true,
            Item::Section if self.listens => {}
            Item::Command(Command::Ping(number)) => shared.pong(number),
            // A source that uses this library keeps the right to run until the package is loaded.
            Item::Command(Command::PostcopyRun) if self.listens && shared.session.is_none() => {
                return Break(Next::Committing);
            }
            Item::PackageEnd if self.listens && shared.session.is_some() => return Break(Next::Committing),
            Item::PackageEnd | Item::End { .. } => {
                return Break(Next::Failed("the package does not let the guest run".to_owned()));
            }
            Item::Section => return Break(Next::Failed("a section precedes the command POSTCOPY_LISTEN".to_owned())),
            Item::Command(other) => {
                return Break(Next::Failed(format!("unexpected command `{}` in the package", other.name())));
            }
        }
        Continue(self)
    }
}

impl Phase for Package {
    fn handle(self, shared: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Item(item) => self.item(shared, item),
            Signal::Done => Continue(self),
            // A QEMU lets the guest run with the package, so a failure would lose it. It sends all pages over the main
            // channel if it has not opened another one.
            Signal::Failed(reason)
                if shared.is_doing(&DestinationAction::AcceptPreempt) && shared.session.is_none() =>
            {
                shared.events.push_back(Event::Rejected(reason));
                Continue(self)
            }
            Signal::Failed(reason) | Signal::Lost(reason) => Break(Next::Failed(reason)),
            Signal::Timeout => Break(Next::Failed("the source sends nothing".to_owned())),
            Signal::Control(_) => Break(Next::Failed("cancelled".to_owned())),
        }
    }

    fn proceed(self, shared: &mut Shared, _: Instant) -> Step<Self> {
        shared.queue(DestinationAction::Load);
        Continue(self)
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

/// The guest runs, and its pages arrive.
#[derive(Debug, Clone)]
pub(super) struct Receiving;

impl Receiving {
    pub(super) fn begin(shared: &mut Shared) -> Self {
        if shared.status() != MigrationStatus::PostcopyActive {
            shared.enter(MigrationStatus::PostcopyActive);
        }
        Self
    }

    /// Continues with a command on a connection that replaces a lost one.
    pub(super) fn recover(shared: &mut Shared, command: Command) -> Self {
        shared.enter(MigrationStatus::PostcopyRecover);
        command_while_running(shared, command);
        Self
    }

    fn item(self, shared: &mut Shared, item: Item) -> Step<Self> {
        match item {
            Item::Command(command) => command_while_running(shared, command),
            Item::End { .. } => shared.queue(DestinationAction::Finish),
            Item::Section | Item::PackageEnd => {}
        }
        Continue(self)
    }
}

/// Accepts the channel for requested pages, which the source opens before it sends the package or resumes.
fn accept_preempt(shared: &mut Shared) {
    if shared.config.capabilities.has(Capability::PostcopyPreempt) {
        shared.queue(DestinationAction::AcceptPreempt);
    }
}

/// Executes a command of a source whose guest runs on this side.
fn command_while_running(shared: &mut Shared, command: Command) {
    match command {
        Command::Ping(number) => shared.pong(number),
        Command::RecvBitmap(block) => shared.queue(DestinationAction::SendBitmap(block)),
        Command::PostcopyResume => {
            accept_preempt(shared);
            shared.queue(DestinationAction::Answer(ReturnPathMessage::ResumeAck));
            shared.queue(DestinationAction::RepeatRequests);
            if shared.status() == MigrationStatus::PostcopyRecover {
                shared.enter(MigrationStatus::PostcopyActive);
            }
        }
        // Too late: the guest runs.
        Command::Session(_) | Command::Revoke(_) => shared.tell(DestinationState::Running),
        _ => {}
    }
}

impl Phase for Receiving {
    fn handle(self, shared: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Item(item) => self.item(shared, item),
            Signal::Done if shared.is_doing(&DestinationAction::Finish) => Break(Next::AllReceived { answers: true }),
            Signal::Failed(reason) | Signal::Lost(reason) => Break(Next::Interrupted(reason)),
            Signal::Done | Signal::Timeout | Signal::Control(_) => Continue(self),
        }
    }

    fn proceed(self, shared: &mut Shared, _: Instant) -> Step<Self> {
        shared.queue(DestinationAction::ReadCommand);
        Continue(self)
    }

    fn accepts(&self, _: &DestinationControl) -> bool {
        false
    }
}

/// The connection is lost. If all pages have arrived, the source is not needed anymore.
#[derive(Debug, Clone)]
pub(super) struct Interrupted {
    reason: String,
}

impl Interrupted {
    pub(super) fn begin(shared: &mut Shared, reason: String) -> Self {
        shared.clear_queue();
        shared.queue(DestinationAction::Finish);
        Self { reason }
    }
}

impl Phase for Interrupted {
    fn handle(self, _: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done => Break(Next::AllReceived { answers: false }),
            Signal::Failed(_) | Signal::Lost(_) => Break(Next::Paused(self.reason)),
            Signal::Timeout | Signal::Item(_) | Signal::Control(_) => Continue(self),
        }
    }

    fn accepts(&self, _: &DestinationControl) -> bool {
        false
    }
}

/// Waiting for the source to continue over a new connection. The guest runs until it needs a missing page.
#[derive(Debug, Clone)]
pub(super) struct Paused;

impl Paused {
    pub(super) fn begin(shared: &mut Shared, reason: String) -> Self {
        shared.error.get_or_insert(reason);
        shared.enter(MigrationStatus::PostcopyPaused);
        shared.clear_queue();
        listen(shared);
        Self
    }
}

fn listen(shared: &mut Shared) {
    shared.queue(DestinationAction::Close);
    shared.queue(DestinationAction::Accept);
    shared.queue(DestinationAction::ReadCommand);
}

impl Phase for Paused {
    fn handle(self, shared: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Item(Item::Command(Command::Session(session))) if shared.session == Some(session) => {
                Break(Next::Recovering(Command::Session(session)))
            }
            // A QEMU does not introduce itself.
            Signal::Item(Item::Command(command @ Command::RecvBitmap(_))) if shared.session.is_none() => {
                Break(Next::Recovering(command))
            }
            Signal::Item(_) => {
                let (state, reason) = (DestinationState::Unknown, String::new());
                shared.queue(DestinationAction::Answer(ReturnPathMessage::Status { state, reason }));
                listen(shared);
                Continue(self)
            }
            Signal::Failed(_) | Signal::Lost(_) | Signal::Timeout => {
                shared.clear_queue();
                listen(shared);
                Continue(self)
            }
            Signal::Done | Signal::Control(_) => Continue(self),
        }
    }

    fn accepts(&self, _: &DestinationControl) -> bool {
        false
    }
}
