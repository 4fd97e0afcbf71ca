//! Precopy: memory is sent while the guest runs.

use std::ops::ControlFlow::{Break, Continue};
use std::time::{Duration, Instant};

use super::drain::Drain;
use super::link::Peer;
use super::phase::{NO_ANSWER, Next, Phase, Step};
use super::shared::Shared;
use super::{Done, Signal, SourceAction, SourceControl};
use crate::migration::capability::Capability;
use crate::migration::policy::{Decision, decide, predict};
use crate::migration::protocol::PING_DRAINED;
use crate::migration::status::{Event, MigrationStatus};
use crate::stream::{Command, ReturnPathMessage};

/// The period for which the bandwidth limit applies (`BUFFER_DELAY` in QEMU's `migration/migration.h`).
const SLICE: Duration = Duration::from_millis(100);
/// The most bytes of a part, so that commands and timeouts are handled between parts.
const PART: u64 = 4 << 20;

/// Sending memory while the guest runs.
#[derive(Debug, Clone)]
pub(super) struct Active {
    slice_started: Instant,
    /// The bytes that were sent in the slice.
    slice_bytes: u64,
    /// The bytes that the slice can send.
    slice_limit: u64,
    /// Set while nothing is sent until this time.
    waiting: Option<Instant>,
    session_sent: bool,
    drain: Drain,
    /// The time at which the destination must have answered the first PINGs.
    answer: Instant,
}

impl Active {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        shared.times.active = Some(shared.elapsed(now));
        shared.begin_first_pass();
        shared.enter(MigrationStatus::Active);
        let answer = now + shared.config.parameters.answer_timeout;
        let drain = Drain::default();
        let slice_limit = bytes_of_slice(shared);
        Self { slice_started: now, slice_bytes: 0, slice_limit, waiting: None, session_sent: false, drain, answer }
    }

    fn done(&mut self, shared: &mut Shared, now: Instant, done: Done) {
        if shared.is_doing(&SourceAction::ConnectPreempt) {
            shared.has_preempt = true;
        } else if shared.is_doing(&SourceAction::Synchronize) {
            self.synchronized(shared, now, done.remaining);
        } else {
            let answered = [Command::Session(shared.config.session), Command::Ping(PING_DRAINED)];
            if answered.into_iter().any(|command| shared.is_doing(&SourceAction::Send(command))) {
                shared.link.pinged(now);
            }
            self.slice_bytes = self.slice_bytes.saturating_add(done.bytes);
            let memory = shared.history.remaining().saturating_sub(done.remaining);
            self.drain.sent(done.bytes.max(memory));
            shared.count(now, done);
        }
    }

    fn synchronized(&self, shared: &mut Shared, now: Instant, remaining: u64) {
        let sent = shared.traffic.in_pass();
        let dirtied = remaining.saturating_sub(shared.history.remaining());
        shared.synchronized(now, remaining);
        shared.report_stall();
        shared.slow_down(now, dirtied, sent);
    }

    /// Begins the next slice, if the last one has ended.
    fn end_slice(&mut self, shared: &mut Shared, now: Instant) {
        let duration = now.saturating_duration_since(self.slice_started);
        if duration >= SLICE {
            shared.slice_ended(self.slice_bytes, duration);
            (self.slice_started, self.slice_bytes, self.slice_limit) = (now, 0, bytes_of_slice(shared));
        }
    }

    /// Sends a part, or waits for the next slice if this one has sent its bytes.
    fn send(&mut self, shared: &mut Shared) {
        match self.slice_limit.saturating_sub(self.slice_bytes).min(PART) {
            0 => self.wait(),
            budget => shared.queue(SourceAction::Iterate { budget }),
        }
    }

    fn wait(&mut self) {
        self.waiting = Some(self.slice_started + SLICE);
    }

    /// Stops the guest, unless the destination's consent is missing.
    fn switch_over(mut self, shared: &mut Shared, now: Instant) -> Step<Self> {
        let runs = shared.config.guest_runs && !shared.guest_stopped;
        // QEMU does not wait for a stopped guest, either (`migration_iteration_run` in `migration/migration.c`).
        let waits = shared.config.has(Capability::SwitchoverAck) && shared.config.legacy_approval;
        let unapproved = runs && waits && !shared.is_paused && !shared.link.is_approved();
        if unapproved || shared.link.peer() == Peer::Unknown {
            self.hold(shared);
            return Continue(self);
        }
        if runs && !shared.wants_postcopy && self.drain.begin(shared, now) {
            return Continue(self);
        }
        // Before the stop: a failure leaves the guest running.
        if shared.wants_postcopy && shared.lacks_preempt() {
            shared.queue(SourceAction::ConnectPreempt);
            return Continue(self);
        }
        shared.is_postcopy = shared.wants_postcopy;
        if runs {
            return Break(Next::Stopping);
        }
        shared.predicted = Some(predict(&shared.goal(), &shared.history));
        if !shared.guest_stopped {
            let at = Some(shared.elapsed(now));
            (shared.times.stopping, shared.times.stopped) = (at, at);
        }
        Break(Next::Stopped)
    }

    /// Goes on without a switchover: sends the rest, or looks for newly written memory once per slice.
    fn hold(&mut self, shared: &mut Shared) {
        if shared.history.remaining() > 0 {
            self.send(shared);
        } else if self.waiting.is_none() {
            self.wait();
        }
    }
}

/// Returns the bytes that a slice can send. Like QEMU, the source does not change them within a slice
/// (`migration_update_counters` in `migration/migration.c`).
fn bytes_of_slice(shared: &Shared) -> u64 {
    shared.config.parameters.bytes_in(SLICE).unwrap_or(u64::MAX)
}

impl Phase for Active {
    fn handle(mut self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(done) => {
                self.done(shared, now, done);
                Continue(self)
            }
            Signal::Timeout if self.drain.deadline().is_none_or(|deadline| now < deadline) => Continue(self),
            Signal::Message(ReturnPathMessage::Pong(number)) if self.drain.answered(number) => {
                shared.queue(SourceAction::Synchronize);
                Continue(self)
            }
            Signal::Message(ReturnPathMessage::Pong(_) | ReturnPathMessage::SwitchoverAck) => {
                // The switchover may have waited for it.
                self.waiting = None;
                Continue(self)
            }
            Signal::Control(SourceControl::StartPostcopy) => {
                shared.wants_postcopy = true;
                self.waiting = None;
                Continue(self)
            }
            signal => self.handle_before_run(shared, now, signal),
        }
    }

    fn proceed(mut self, shared: &mut Shared, now: Instant) -> Step<Self> {
        if self.drain.is_waiting() || self.waiting.is_some_and(|until| now < until) {
            return Continue(self);
        }
        let waited = self.waiting.take().is_some();
        self.end_slice(shared, now);
        if shared.link.peer() == Peer::Unknown && now >= self.answer {
            return Break(Next::Failed(format!("{NO_ANSWER}; switch `return-path` off if it cannot")));
        }
        if shared.link.peer() == Peer::Own && !self.session_sent {
            self.session_sent = true;
            shared.queue(SourceAction::Send(Command::Session(shared.config.session)));
            shared.events.push_back(Event::OwnPeer);
            return Continue(self);
        }
        if let Some(round_trip) = shared.link.round_trip() {
            shared.history.handshake_takes(round_trip * 2);
        }
        if shared.wants_postcopy {
            return self.switch_over(shared, now);
        }
        let at = shared.elapsed(now);
        match decide(&shared.goal(), &shared.history, at) {
            Decision::Send => self.send(shared),
            Decision::Synchronize => shared.queue(SourceAction::Synchronize),
            // The switchover was put off, and the guest has written meanwhile.
            Decision::SwitchOver if waited && shared.history.remaining() == 0 && shared.config.guest_runs => {
                shared.queue(SourceAction::Synchronize);
            }
            Decision::SwitchOver => return self.switch_over(shared, now),
            // The parameters may have changed since the start, which has checked it.
            Decision::StartPostcopy if shared.config.has(Capability::PostcopyRam) => {
                shared.wants_postcopy = true;
                return self.switch_over(shared, now);
            }
            Decision::StartPostcopy | Decision::GiveUp => {
                return Break(Next::Failed("the downtime limit is out of reach".to_owned()));
            }
        }
        Continue(self)
    }

    fn deadline(&self) -> Option<Instant> {
        self.drain.deadline().or(self.waiting)
    }

    fn accepts(&self, control: &SourceControl) -> bool {
        matches!(control, SourceControl::Cancel | SourceControl::StartPostcopy)
    }
}
