//! Postcopy: the guest runs on the destination before all of its pages have arrived.
//!
//! The devices are sent as a package, with which a QEMU destination runs the guest: from its last byte on, the source
//! never resumes the guest by itself. A peer that uses this library confirms that it has loaded the package, and gets the
//! right to run as in precopy. Pages stay on the source until the destination has confirmed all of them, and the pages
//! that it has not received are sent again over a new connection.
//! (QEMU: `postcopy_start` and `postcopy_pause` in `migration/migration.c`.)

use std::collections::VecDeque;
use std::ops::ControlFlow::{Break, Continue};
use std::time::{Duration, Instant};

use super::link::Peer;
use super::phase::{NO_ANSWER, Next, Phase, Step};
use super::shared::Shared;
use super::{Done, Signal, SourceAction, SourceControl};
use crate::migration::status::MigrationStatus;
use crate::stream::{Command, DestinationState, ReturnPathMessage};

/// The period of the bandwidth limit.
const SLICE: Duration = Duration::from_millis(100);
/// The most bytes of a part in the background: a request waits at most for one.
const PART: u64 = 64 << 10;
/// The PING before the package, and the one after it (`postcopy_start` in QEMU's `migration/migration.c`).
const PING_BEFORE: u32 = 2;
const PING_AFTER: u32 = 4;

/// Discarding the pages that follow later, and sending the devices as a package.
#[derive(Debug, Clone)]
pub(super) struct Switching;

impl Switching {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.times.continued = Some(shared.elapsed(now));
        shared.enter(MigrationStatus::Device);
        if shared.config.switchover_start {
            shared.queue(SourceAction::Send(Command::SwitchoverStart));
        }
        let run = shared.link.peer() != Peer::Own;
        shared.queue(SourceAction::Synchronize);
        shared.queue(SourceAction::Discard);
        shared.queue(SourceAction::Send(Command::Ping(PING_BEFORE)));
        shared.queue(SourceAction::Package { run });
        Self
    }
}

impl Phase for Switching {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(done) if shared.is_doing(&SourceAction::Synchronize) => {
                shared.synchronized(now, done.remaining);
                Continue(self)
            }
            Signal::Done(done) => {
                shared.count(now, done);
                if shared.is_doing(&SourceAction::Discard) {
                    shared.times.memory_sent = Some(shared.elapsed(now));
                    // Host pages that are sent as a whole.
                    shared.history.remains(done.remaining);
                }
                match shared.busy.as_ref().map(|busy| &busy.action) {
                    Some(SourceAction::Package { run: true }) => Break(Next::Split),
                    Some(SourceAction::Package { run: false }) => Break(Next::Packaged),
                    _ => Continue(self),
                }
            }
            // A package that was written in part is not executed: its last command lets the guest run.
            signal => self.handle_before_run(shared, now, signal),
        }
    }
}

/// Waiting until a peer that uses this library has loaded the package. Its hooks may need pages.
#[derive(Debug, Clone)]
pub(super) struct Packaged {
    deadline: Instant,
}

impl Packaged {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.times.ended = Some(shared.elapsed(now));
        Self { deadline: now + shared.config.parameters.progress_timeout }
    }
}

impl Phase for Packaged {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Message(ReturnPathMessage::Status { state: DestinationState::Loaded, .. }) => {
                Break(Next::Committed)
            }
            signal => self.handle_before_run(shared, now, signal),
        }
    }

    fn proceed(self, shared: &mut Shared, _: Instant) -> Step<Self> {
        shared.serve();
        Continue(self)
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

/// The guest runs on the destination, and its pages follow.
#[derive(Debug, Clone)]
pub(super) struct Split {
    slice_started: Instant,
    slice_bytes: u64,
    /// Set while the background waits for the next slice.
    waiting: Option<Instant>,
    /// The time at which the destination must have confirmed that it has all pages, after the end was sent.
    ended: Option<Instant>,
}

impl Split {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        if !shared.is_split {
            shared.is_split = true;
            shared.times.ended.get_or_insert_with(|| now.saturating_duration_since(shared.started));
            shared.times.split = Some(shared.elapsed(now));
            if shared.link.peer() != Peer::Own {
                shared.queue(SourceAction::Send(Command::Ping(PING_AFTER)));
            }
        }
        shared.retries.reset();
        if shared.status() != MigrationStatus::PostcopyActive {
            shared.enter(MigrationStatus::PostcopyActive);
        }
        Self { slice_started: now, slice_bytes: 0, waiting: None, ended: None }
    }

    fn message(self, message: ReturnPathMessage) -> Step<Self> {
        match message {
            ReturnPathMessage::Shut(0) => Break(Next::Completed),
            ReturnPathMessage::Shut(error) => {
                Break(Next::Interrupted(format!("the destination has failed with error {error}")))
            }
            ReturnPathMessage::Status { state, reason } => match state {
                DestinationState::Complete => Break(Next::Completed),
                DestinationState::Declined | DestinationState::Unknown => {
                    let reason = reason.escape_debug();
                    Break(Next::Interrupted(format!("the destination reports the state `{}`: {reason}", state.name())))
                }
                _ => Continue(self),
            },
            _ => Continue(self),
        }
    }

    /// Sends a part in the background. The bandwidth limit does not apply to requested pages.
    fn send(&mut self, shared: &mut Shared, now: Instant) {
        if now.saturating_duration_since(self.slice_started) >= SLICE {
            (self.slice_started, self.slice_bytes) = (now, 0);
        }
        match shared.config.parameters.postcopy_bytes_in(SLICE).unwrap_or(u64::MAX).saturating_sub(self.slice_bytes) {
            0 => self.waiting = Some(self.slice_started + SLICE),
            budget => shared.queue(SourceAction::Iterate { budget: budget.min(PART) }),
        }
    }
}

impl Phase for Split {
    fn handle(mut self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(done) => {
                self.done(shared, now, done);
                Continue(self)
            }
            Signal::Message(message) => self.message(message),
            Signal::Failed(reason) | Signal::Lost(reason) => Break(Next::Interrupted(reason)),
            Signal::Timeout if self.ended.is_some_and(|deadline| now >= deadline) => {
                Break(Next::Interrupted(NO_ANSWER.to_owned()))
            }
            Signal::Timeout | Signal::Control(_) | Signal::Bitmap(..) => Continue(self),
        }
    }

    fn proceed(mut self, shared: &mut Shared, now: Instant) -> Step<Self> {
        if self.ended.is_some() {
            // The pages are on their way.
            shared.requests.clear_queue();
            return Continue(self);
        }
        if shared.serve() || self.waiting.is_some_and(|until| now < until) {
            return Continue(self);
        }
        self.waiting = None;
        if shared.history.remaining() > 0 {
            self.send(shared, now);
        } else {
            shared.queue(SourceAction::EndPostcopy);
            self.ended = Some(now + shared.config.parameters.progress_timeout);
        }
        Continue(self)
    }

    fn deadline(&self) -> Option<Instant> {
        self.ended.or(self.waiting)
    }

    /// The guest runs on the destination (`migrate_cancel` in QEMU's `migration/migration.c`).
    fn accepts(&self, _: &SourceControl) -> bool {
        false
    }
}

impl Split {
    fn done(&mut self, shared: &mut Shared, now: Instant, done: Done) {
        if matches!(shared.busy.as_ref().map(|busy| &busy.action), Some(SourceAction::Iterate { .. })) {
            self.slice_bytes = self.slice_bytes.saturating_add(done.bytes);
        }
        shared.count(now, done);
    }
}

/// The connection is lost while the guest runs on the destination.
#[derive(Debug, Clone)]
pub(super) struct Interrupted {
    /// The time at which the source recovers the migration without a command.
    retry: Option<Instant>,
}

impl Interrupted {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.clear_queue();
        shared.requests.clear();
        shared.queue(SourceAction::Close);
        if shared.status() != MigrationStatus::PostcopyPaused {
            shared.enter(MigrationStatus::PostcopyPaused);
        }
        Self { retry: shared.retries.next(&shared.config.parameters, now) }
    }

    fn recover(shared: &Shared) -> Next {
        match shared.link.peer() {
            Peer::Own => Next::Asking { revoke: false },
            _ => Next::Recovering { connect: true },
        }
    }
}

impl Phase for Interrupted {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Control(SourceControl::Recover) => Break(Self::recover(shared)),
            Signal::Timeout if self.retry.is_some_and(|retry| now >= retry) => Break(Self::recover(shared)),
            Signal::Control(SourceControl::ForceRun) => {
                Break(Next::Failed("the guest was resumed by a command".to_owned()))
            }
            Signal::Control(SourceControl::Abandon) => Break(Next::Completed),
            _ => Continue(self),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.retry
    }

    fn accepts(&self, control: &SourceControl) -> bool {
        matches!(control, SourceControl::Recover | SourceControl::ForceRun | SourceControl::Abandon)
    }
}

/// Learning over a new connection which pages the destination has received.
#[derive(Debug, Clone)]
pub(super) struct Recovering {
    /// The blocks whose bitmaps are missing.
    missing: VecDeque<String>,
    /// Set when the destination was asked to continue.
    resumes: bool,
    deadline: Instant,
}

impl Recovering {
    pub(super) fn begin(shared: &mut Shared, now: Instant, connect: bool) -> Self {
        let parameters = &shared.config.parameters;
        let mut deadline = now + parameters.answer_timeout;
        if connect {
            deadline += parameters.connect_timeout;
            shared.enter(MigrationStatus::PostcopyRecoverSetup);
            shared.link.reconnect();
            shared.queue(SourceAction::Connect);
        }
        shared.has_preempt = false;
        // A QEMU 7.2 answers nothing before both channels are open, here, too.
        if connect && shared.lacks_preempt() && shared.config.preempt_at_setup {
            shared.queue(SourceAction::ConnectPreempt);
        }
        shared.is_split = true;
        let missing: VecDeque<_> = shared.config.blocks.iter().map(|block| block.idstr.clone()).collect();
        for block in &missing {
            shared.queue(SourceAction::Send(Command::RecvBitmap(block.clone())));
        }
        if !connect {
            shared.enter(MigrationStatus::PostcopyRecover);
        }
        Self { missing, resumes: false, deadline }
    }
}

impl Phase for Recovering {
    fn handle(mut self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(done) => {
                if shared.is_doing(&SourceAction::Connect) {
                    shared.connected = true;
                    shared.enter(MigrationStatus::PostcopyRecover);
                }
                shared.has_preempt |= shared.is_doing(&SourceAction::ConnectPreempt);
                shared.count(now, done);
                if matches!(shared.busy.as_ref().map(|busy| &busy.action), Some(SourceAction::Restore { .. })) {
                    shared.history.remains(done.remaining);
                }
                Continue(self)
            }
            Signal::Bitmap(block, received) => {
                if self.missing.front() != Some(&block) {
                    let block = block.escape_debug();
                    return Break(Next::Interrupted(format!("unexpected bitmap of RAM block `{block}`")));
                }
                self.missing.pop_front();
                shared.queue(SourceAction::Restore { block, received });
                Continue(self)
            }
            Signal::Message(ReturnPathMessage::ResumeAck) if self.resumes => Break(Next::Split),
            Signal::Message(ReturnPathMessage::Status { state: DestinationState::Complete, .. }) => {
                Break(Next::Completed)
            }
            Signal::Message(_) | Signal::Control(_) => Continue(self),
            Signal::Failed(reason) | Signal::Lost(reason) => Break(Next::Interrupted(reason)),
            Signal::Timeout => Break(Next::Interrupted(NO_ANSWER.to_owned())),
        }
    }

    fn proceed(mut self, shared: &mut Shared, _: Instant) -> Step<Self> {
        if self.missing.is_empty() && !std::mem::replace(&mut self.resumes, true) {
            shared.requests.clear();
            if shared.lacks_preempt() {
                shared.queue(SourceAction::ConnectPreempt);
            }
            shared.queue(SourceAction::Send(Command::PostcopyResume));
        }
        Continue(self)
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }

    fn accepts(&self, _: &SourceControl) -> bool {
        false
    }
}
