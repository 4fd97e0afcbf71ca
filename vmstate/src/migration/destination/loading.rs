//! Waiting for the source, and loading the stream.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use super::phase::{Next, Phase, Step};
use super::shared::Shared;
use super::{DestinationAction, Item, Signal};
use crate::migration::capability::Capability;
use crate::migration::protocol;
use crate::migration::status::{Event, MigrationStatus};
use crate::stream::{Command, DestinationState, PostcopyAdvice, ReturnPathMessage};

/// Waiting for the source.
#[derive(Debug, Clone)]
pub(super) struct Listening;

impl Listening {
    pub(super) fn begin(shared: &mut Shared) -> Self {
        shared.queue(DestinationAction::Accept);
        Self
    }
}

impl Phase for Listening {
    fn handle(self, _: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done => Break(Next::Loading),
            Signal::Failed(reason) | Signal::Lost(reason) => Break(Next::Failed(reason)),
            Signal::Control(_) => Break(Next::Failed("cancelled".to_owned())),
            Signal::Timeout | Signal::Item(_) => Continue(self),
        }
    }
}

/// Loading the items of the stream.
#[derive(Debug, Clone)]
pub(super) struct Loading {
    /// Set when a section was loaded. The handshake is offered before the first one.
    sections: bool,
    /// The time at which the source must have made progress.
    deadline: Instant,
}

impl Loading {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.enter(MigrationStatus::Active);
        shared.queue(DestinationAction::Load);
        Self { sections: false, deadline: now + shared.config.parameters.progress_timeout }
    }

    fn command(self, shared: &mut Shared, command: &Command) -> Step<Self> {
        match command {
            Command::OpenReturnPath => open_return_path(shared),
            Command::Ping(_) if !shared.return_path => {
                return Break(Next::Failed("the command PING needs the return path".to_owned()));
            }
            Command::Ping(number) => self.ping(shared, *number),
            Command::Session(session) => {
                shared.session = Some(*session);
                shared.events.push_back(Event::OwnPeer);
                shared.tell(DestinationState::Loading);
            }
            Command::Revoke(reason) => {
                return Break(Next::Failed(format!("the source has given up: {}", reason.escape_debug())));
            }
            Command::SwitchoverStart => {}
            Command::PostcopyAdvise(advice) => return self.advised(shared, *advice),
            Command::RamDiscard { block, ranges } if shared.is_advised => {
                let (block, ranges) = (block.clone(), ranges.clone());
                shared.queue(DestinationAction::Discard { block, ranges });
            }
            Command::Packaged { length } if shared.is_advised => return Break(Next::Package(*length)),
            other => return Break(Next::Failed(format!("unsupported command `{}`", other.name()))),
        }
        Continue(self)
    }

    /// Prepares for postcopy, or rejects it while the source can keep its guest.
    fn advised(self, shared: &mut Shared, advice: Option<PostcopyAdvice>) -> Step<Self> {
        if !shared.config.capabilities.has(Capability::PostcopyRam) {
            let reason =
                "the source may use postcopy; switch `postcopy-ram` off at the source, or on at the destination";
            return Break(Next::Failed(reason.to_owned()));
        }
        let Some(advice) = advice else {
            return Break(Next::Failed("postcopy of block dirty bitmaps is not implemented".to_owned()));
        };
        if self.sections || shared.is_advised || !shared.return_path {
            let reason = "expected POSTCOPY_ADVISE once, after OPEN_RETURN_PATH and before the first section";
            return Break(Next::Failed(reason.to_owned()));
        }
        shared.is_advised = true;
        shared.queue(DestinationAction::Advise(advice));
        Continue(self)
    }

    fn ping(&self, shared: &mut Shared, number: u32) {
        let offered = protocol::offered(number).filter(|_| !self.sections && !shared.config.without_handshake);
        if let Some(version) = offered {
            let chosen = protocol::acceptance(version.min(protocol::VERSION));
            shared.has_handshake = true;
            shared.queue(DestinationAction::Answer(ReturnPathMessage::Pong(chosen)));
        }
        shared.queue(DestinationAction::Answer(ReturnPathMessage::Pong(number)));
    }
}

/// Completes the load, unless the connection was lost in the description.
///
/// A QEMU destination ignores a truncated description, runs the guest, and reports an error, whereupon the source resumes
/// the guest, too (`qemu_loadvm_state` in `migration/savevm.c`).
fn end(shared: &Shared, described: bool) -> Step<Loading> {
    if described || !shared.return_path {
        Break(Next::Committing)
    } else {
        Break(Next::Failed("the stream ends before its description is complete".to_owned()))
    }
}

/// Opens the return path. QEMU ignores a second command, too (`loadvm_process_command` in `migration/savevm.c`).
fn open_return_path(shared: &mut Shared) {
    let opened = std::mem::replace(&mut shared.return_path, true);
    let approves = shared.config.capabilities.has(Capability::SwitchoverAck) && shared.config.legacy_approval;
    if !opened && approves {
        shared.queue(DestinationAction::Answer(ReturnPathMessage::SwitchoverAck));
    }
}

impl Phase for Loading {
    fn handle(mut self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Item(item) => {
                self.deadline = now + shared.config.parameters.progress_timeout;
                match item {
                    Item::Section => {
                        self.sections = true;
                        Continue(self)
                    }
                    Item::Command(command) => self.command(shared, &command),
                    Item::End { described } => end(shared, described),
                    Item::PackageEnd => Break(Next::Failed("unexpected end of a package".to_owned())),
                }
            }
            Signal::Done => Continue(self),
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
