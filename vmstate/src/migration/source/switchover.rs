//! The switchover: the guest is stopped, and the right to run it passes to the destination.
//!
//! Between peers that use this library, it is a handshake: the destination confirms that it has loaded the machine
//! ([`Sent`]), and the source then gives the right to run away ([`Committed`]). A QEMU destination runs the guest as soon
//! as it reads the end of the stream. A PING before the end makes it confirm that it has loaded the machine ([`Barrier`]),
//! and the end mark is the point of no return ([`Ending`]).

use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use super::link::Peer;
use super::phase::{NO_ANSWER, Next, Phase, Step};
use super::shared::Shared;
use super::{Signal, SourceAction, SourceControl};
use crate::migration::parameter::OnDoubt;
use crate::migration::policy::predict;
use crate::migration::protocol::PING_BARRIER;
use crate::migration::status::{Event, MigrationStatus};
use crate::stream::{Command, DestinationState, ReturnPathMessage};

impl Shared {
    /// Stops the guest.
    pub(super) fn stop_guest(&mut self, now: Instant) {
        self.times.stopping = Some(self.elapsed(now));
        // From here on a failure has to resume it, even if the stop fails halfway.
        self.guest_stopped = true;
        self.queue(SourceAction::Stop);
    }

    /// Records that the guest has stopped.
    pub(super) fn guest_has_stopped(&mut self, now: Instant) {
        self.times.stopped = Some(self.elapsed(now));
        self.events.push_back(Event::Stopped);
    }
}

/// Stopping the guest.
#[derive(Debug, Clone)]
pub(super) struct Stopping;

impl Stopping {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.predicted = Some(predict(&shared.goal(), &shared.history));
        shared.stop_guest(now);
        Self
    }
}

impl Phase for Stopping {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(_) => {
                shared.guest_has_stopped(now);
                Break(Next::Stopped)
            }
            signal => self.handle_before_run(shared, now, signal),
        }
    }
}

/// Waiting for the command to continue (`pause-before-switchover`).
#[derive(Debug, Clone)]
pub(super) struct PreSwitchover;

impl PreSwitchover {
    pub(super) fn begin(shared: &mut Shared) -> Self {
        shared.enter(MigrationStatus::PreSwitchover);
        Self
    }
}

impl Phase for PreSwitchover {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Control(SourceControl::Continue) => Break(Next::Completing),
            signal => self.handle_before_run(shared, now, signal),
        }
    }

    fn accepts(&self, control: &SourceControl) -> bool {
        matches!(control, SourceControl::Cancel | SourceControl::Continue)
    }
}

/// Sending the rest of the memory and the devices.
#[derive(Debug, Clone)]
pub(super) struct Completing;

impl Completing {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.times.continued = Some(shared.elapsed(now));
        shared.enter(MigrationStatus::Device);
        if shared.config.switchover_start {
            shared.queue(SourceAction::Send(Command::SwitchoverStart));
        }
        shared.queue(SourceAction::Synchronize);
        shared.queue(SourceAction::CompleteLive);
        shared.queue(SourceAction::Devices);
        Self
    }
}

impl Phase for Completing {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(done) if shared.is_doing(&SourceAction::Synchronize) => {
                shared.synchronized(now, done.remaining);
                Continue(self)
            }
            Signal::Done(done) => {
                shared.count(now, done);
                let at = Some(shared.elapsed(now));
                if shared.is_doing(&SourceAction::CompleteLive) {
                    shared.times.memory_sent = at;
                }
                Continue(self)
            }
            signal => self.handle_before_run(shared, now, signal),
        }
    }

    fn proceed(self, shared: &mut Shared, _: Instant) -> Step<Self> {
        match shared.link.peer() {
            Peer::Own => Break(Next::Sent),
            Peer::Qemu if shared.config.barrier => Break(Next::Barrier),
            Peer::Qemu | Peer::Silent | Peer::Unknown => Break(Next::Ending),
        }
    }
}

/// Waiting for the PONG with which a QEMU confirms that it has loaded all devices.
#[derive(Debug, Clone)]
pub(super) struct Barrier {
    deadline: Instant,
}

impl Barrier {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.queue(SourceAction::Send(Command::Ping(PING_BARRIER)));
        Self { deadline: now + shared.config.parameters.progress_timeout }
    }
}

impl Phase for Barrier {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Message(ReturnPathMessage::Pong(PING_BARRIER)) => Break(Next::Ending),
            signal => self.handle_before_run(shared, now, signal),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

/// Sending the end of the stream to a QEMU, which runs the guest when it has read it.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    deadline: Instant,
    on_doubt: OnDoubt,
}

impl Ending {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.queue(SourceAction::End);
        let parameters = &shared.config.parameters;
        Self { deadline: now + parameters.progress_timeout, on_doubt: parameters.on_doubt }
    }

    fn done(self, shared: &mut Shared, now: Instant) -> Step<Self> {
        shared.times.ended = Some(shared.elapsed(now));
        match shared.link.peer() {
            // Nothing answers: QEMU completes here, too, whether the destination has accepted the machine or not.
            Peer::Silent | Peer::Unknown => Break(Next::Completed),
            _ => Continue(self),
        }
    }

    /// Handles everything but success. The destination may run the guest: QEMU reports an error even if it does, for
    /// example after a truncated description (`process_incoming_migration_bh` in `migration/migration.c`).
    fn undecided(&self, reason: String) -> Step<Self> {
        match self.on_doubt {
            OnDoubt::Stay => Break(Next::Doubt(reason)),
            OnDoubt::Resume => Break(Next::Failed(reason)),
        }
    }
}

impl Phase for Ending {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(done) => {
                shared.count(now, done);
                self.done(shared, now)
            }
            Signal::Message(ReturnPathMessage::Shut(0)) => Break(Next::Completed),
            Signal::Message(ReturnPathMessage::Shut(error)) => {
                self.undecided(format!("the destination has sent error {error} after the end"))
            }
            Signal::Failed(reason) | Signal::Lost(reason) => self.undecided(reason),
            Signal::Timeout => self.undecided(NO_ANSWER.to_owned()),
            Signal::Control(SourceControl::Cancel) => self.undecided("cancelled after the end".to_owned()),
            Signal::Message(_) | Signal::Control(_) | Signal::Bitmap(..) => Continue(self),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }

    /// A cancellation would resume the guest while the destination starts it, too.
    fn accepts(&self, control: &SourceControl) -> bool {
        matches!(control, SourceControl::Cancel) && self.on_doubt == OnDoubt::Resume
    }
}

/// Sending the end of the stream to a peer that waits for the right to run.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    deadline: Instant,
}

impl Sent {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.queue(SourceAction::End);
        Self { deadline: now + shared.config.parameters.progress_timeout }
    }
}

impl Phase for Sent {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(done) => {
                shared.count(now, done);
                shared.times.ended = Some(shared.elapsed(now));
                Continue(self)
            }
            Signal::Message(ReturnPathMessage::Status { state: DestinationState::Loaded, .. }) => {
                Break(Next::Committed)
            }
            signal => self.handle_before_run(shared, now, signal),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

/// The right to run is given away. Only the destination's answer decides now.
#[derive(Debug, Clone)]
pub(super) struct Committed {
    deadline: Instant,
}

impl Committed {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        if shared.times.ended.is_none() {
            shared.times.ended = Some(shared.elapsed(now));
        }
        shared.queue(SourceAction::Send(Command::Run));
        Self { deadline: now + shared.config.parameters.answer_timeout }
    }
}

impl Phase for Committed {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            // A command that was written in part, or not at all, is not executed.
            Signal::Failed(reason) if shared.is_doing(&SourceAction::Send(Command::Run)) => Break(Next::Failed(reason)),
            signal @ (Signal::Lost(_) | Signal::Timeout | Signal::Control(SourceControl::Cancel))
                if shared.is_queued(&SourceAction::Send(Command::Run)) =>
            {
                self.handle_before_run(shared, now, signal)
            }
            Signal::Done(done) => {
                shared.count(now, done);
                Continue(self)
            }
            Signal::Control(SourceControl::Cancel) => Break(Next::Revoking),
            signal => match decided(shared, signal) {
                Some(next) => Break(next),
                None => Continue(self),
            },
        }
    }

    /// The destination may need pages before it reports that it runs the guest.
    fn proceed(self, shared: &mut Shared, _: Instant) -> Step<Self> {
        if shared.is_postcopy {
            shared.serve();
        }
        Continue(self)
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

/// Taking the right to run back. RUN may have been read before.
#[derive(Debug, Clone)]
pub(super) struct Revoking {
    deadline: Instant,
}

impl Revoking {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        if shared.status() != MigrationStatus::Doubt {
            shared.enter(MigrationStatus::Cancelling);
        }
        shared.queue(SourceAction::Send(Command::Revoke("cancelled".to_owned())));
        Self { deadline: now + shared.config.parameters.answer_timeout }
    }
}

impl Phase for Revoking {
    fn handle(self, shared: &mut Shared, _: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Message(ReturnPathMessage::Status { state: DestinationState::Declined, .. }) => {
                Break(Next::Cancelled)
            }
            signal => match decided(shared, signal) {
                Some(next) => Break(next),
                None => Continue(self),
            },
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

/// Returns the next state if a signal decides who has the guest, or ends the hope for an answer.
fn decided(shared: &Shared, signal: Signal) -> Option<Next> {
    match signal {
        Signal::Message(ReturnPathMessage::Status { state, reason }) => match state {
            DestinationState::Running => Some(running(shared)),
            DestinationState::Complete => Some(Next::Completed),
            DestinationState::Declined => {
                Some(Next::Failed(format!("the destination has declined: {}", reason.escape_debug())))
            }
            DestinationState::Unknown => Some(Next::Doubt("the destination does not know the migration".to_owned())),
            DestinationState::Loading | DestinationState::Loaded => None,
        },
        Signal::Failed(reason) | Signal::Lost(reason) => Some(Next::Doubt(reason)),
        Signal::Timeout => Some(Next::Doubt(NO_ANSWER.to_owned())),
        Signal::Done(_) | Signal::Message(_) | Signal::Control(_) | Signal::Bitmap(..) => None,
    }
}

/// Returns the next state when the destination runs the guest.
pub(super) fn running(shared: &Shared) -> Next {
    match (shared.is_postcopy, shared.link.is_replaced) {
        (false, _) => Next::Completed,
        (true, false) => Next::Split,
        // Pages may be lost with the old connection.
        (true, true) => Next::Recovering { connect: false },
    }
}
