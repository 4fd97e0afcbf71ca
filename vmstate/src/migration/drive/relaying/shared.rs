//! The state of a relayed migration, shared by the threads of its connections.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::super::channel::Channel;
use super::super::socket::Socket;
use super::{RelayOutcome, RelayStatus};
use crate::memory::PageSize;
use crate::migration::relay::{Relay, RelayFigures, RelayPhase};

/// The time after which a source that sends nothing may be at the end of a stream without description.
const IDLE: Duration = Duration::from_secs(1);
/// The time after which an unconfirmed hand-over is reported.
const CONFIRMATION: Duration = Duration::from_secs(10);

/// The time between two looks at the main connection.
const PAUSE: Duration = Duration::from_millis(5);

/// The reason why bytes cannot be passed.
pub(super) enum Lost {
    /// The migration has ended.
    Ended,
    /// The destination's connection is lost.
    Destination(io::Error),
}

/// The state that all threads share.
pub(super) struct Shared {
    state: Mutex<State>,
    timeout: Duration,
}

pub(super) struct State {
    pub(super) relay: Relay,
    /// The sockets of open connections, by number, to end them.
    sockets: Vec<(usize, Socket)>,
    /// The number of the next connection.
    next: usize,
    /// The number of open connections.
    open: usize,
    /// The destination's end of the main connection.
    main: Option<Socket>,
    has_main: bool,
    /// The phase that was seen last, and its begin.
    phase: (RelayPhase, Instant),
    /// The number of bytes from the source that was seen last, and the time since which it is the same.
    bytes: (u64, Instant),
    /// The outcome, and the time at which it was known.
    outcome: Option<(RelayOutcome, Instant)>,
    doubt: Option<String>,
}

impl Shared {
    pub(super) fn new(relay: Relay, timeout: Duration) -> Self {
        let state = State {
            phase: (relay.phase(), Instant::now()),
            bytes: (0, Instant::now()),
            relay,
            sockets: Vec::new(),
            next: 0,
            open: 0,
            main: None,
            has_main: false,
            outcome: None,
            doubt: None,
        };
        Self { state: Mutex::new(state), timeout }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Ends the migration with the guest at the source. Without effect once it has ended.
    pub(super) fn fail(&self, reason: &str) {
        self.lock().end(RelayOutcome::Failed(reason.to_owned()));
    }

    pub(super) fn status(&self, rejected: Vec<String>) -> RelayStatus {
        let state = self.lock();
        RelayStatus { figures: state.relay.figures().clone(), doubt: state.doubt.clone(), rejected }
    }

    /// Waits until the main connection has the target page size; `None` if it does not arrive in time.
    pub(super) fn await_page_size(&self) -> Option<PageSize> {
        self.await_state(|state| state.relay.page_size())
    }

    /// Waits until `ready` returns a value; `None` if it does not in time, or the migration ends before.
    pub(super) fn await_state<T>(&self, ready: impl Fn(&State) -> Option<T>) -> Option<T> {
        let start = Instant::now();
        while start.elapsed() < self.timeout {
            let state = self.lock();
            let value = ready(&state);
            if value.is_some() || state.has_ended() {
                return value;
            }
            drop(state);
            thread::sleep(PAUSE);
        }
        None
    }

    /// Returns whether the migration has an outcome, and no connection is open.
    pub(super) fn is_over(&self) -> bool {
        let state = self.lock();
        state.outcome.is_some() && state.open == 0
    }

    pub(super) fn finish(self) -> (RelayOutcome, RelayFigures) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let outcome = state.outcome.map(|(outcome, _)| outcome);
        let outcome = outcome.unwrap_or_else(|| RelayOutcome::Failed("interrupted".to_owned()));
        (outcome, state.relay.figures().clone())
    }

    /// Acts on deadlines, and on the caller's wish to stop.
    pub(super) fn check_time(&self, stop: bool) {
        let mut state = self.lock();
        let (phase, now) = (state.relay.phase(), Instant::now());
        if state.phase.0 != phase {
            state.phase = (phase, now);
        }
        if state.outcome.as_ref().is_some_and(|(_, since)| now.saturating_duration_since(*since) >= self.timeout) {
            state.shut_down();
        }
        let waited = now.saturating_duration_since(state.phase.1);
        match phase {
            RelayPhase::Committed if waited >= CONFIRMATION && state.doubt.is_none() => {
                state.doubt = Some("the destination has not confirmed that it has the guest".to_owned());
            }
            RelayPhase::Committed if !stop => {}
            RelayPhase::Committed => state.stop_in_doubt(),
            RelayPhase::Asking if waited >= self.timeout => state.end(RelayOutcome::Failed(format!(
                "the destination has not loaded the devices in {} seconds",
                self.timeout.as_secs()
            ))),
            RelayPhase::Confirmed => {}
            _ if stop => state.end(RelayOutcome::Failed("interrupted".to_owned())),
            RelayPhase::Passing | RelayPhase::Ending if state.is_idle(now) => state.ask_idle(),
            _ => {}
        }
    }
}

impl State {
    /// Adds a connection, and returns its number; `None` if the migration has ended, or a socket cannot be duplicated.
    pub(super) fn open(&mut self, channels: &[&Channel]) -> Option<usize> {
        if self.outcome.is_some() {
            return None;
        }
        let number = self.next;
        let clone = |channel: &&Channel| Some((number, channel.socket()?.try_clone().ok()?));
        self.sockets.extend(channels.iter().map(clone).collect::<Option<Vec<_>>>()?);
        (self.next, self.open) = (number + 1, self.open + 1);
        Some(number)
    }

    /// Removes a connection.
    pub(super) fn close(&mut self, number: usize) {
        self.sockets.retain(|(other, _)| *other != number);
        self.open -= 1;
    }

    /// Begins the main connection. Returns `false` if there was one.
    pub(super) fn begin_main(&mut self, destination: &Channel) -> bool {
        self.main = destination.socket().and_then(|socket| socket.try_clone().ok());
        !std::mem::replace(&mut self.has_main, true) && self.outcome.is_none()
    }

    /// Returns whether there was a main connection.
    pub(super) fn has_main(&self) -> bool {
        self.has_main
    }

    /// Ends the main connection.
    pub(super) fn end_main(&mut self) {
        self.main = None;
    }

    /// Sets the outcome, and ends all connections.
    pub(super) fn end(&mut self, outcome: RelayOutcome) {
        if self.outcome.is_none() {
            self.complete(outcome);
            self.shut_down();
        }
    }

    /// Ends all connections.
    pub(super) fn shut_down(&self) {
        for (_, socket) in &self.sockets {
            socket.shut_down();
        }
    }

    /// Ends the migration after a failure of a data channel, unless the destination may have the guest.
    pub(super) fn fail_pages(&mut self, reason: &str) {
        if self.outcome.is_none() && self.note_failure(reason) {
            self.shut_down();
        }
    }

    /// Sets the outcome after a failure, and leaves connections open. Without effect if the destination may have the guest;
    /// returns `false` then.
    pub(super) fn note_failure(&mut self, reason: &str) -> bool {
        let is_failure = !matches!(self.relay.phase(), RelayPhase::Committed | RelayPhase::Confirmed);
        if is_failure {
            self.complete(RelayOutcome::Failed(format!("{reason} {}", self.relay.place())));
        }
        is_failure
    }

    /// Sets the outcome, and leaves connections to their ends.
    pub(super) fn complete(&mut self, outcome: RelayOutcome) {
        self.outcome.get_or_insert_with(|| (outcome, Instant::now()));
    }

    pub(super) fn has_ended(&self) -> bool {
        self.outcome.is_some()
    }

    /// Notes that nothing tells whether the destination runs the guest.
    pub(super) fn doubt(&mut self, reason: &str) {
        self.doubt.get_or_insert_with(|| reason.to_owned());
    }

    fn stop_in_doubt(&mut self) {
        if let Some(reason) = self.doubt.clone() {
            self.end(RelayOutcome::InDoubt(reason));
        }
    }

    fn is_idle(&mut self, now: Instant) -> bool {
        let bytes = self.relay.figures().bytes;
        if self.bytes.0 != bytes {
            self.bytes = (bytes, now);
        }
        now.saturating_duration_since(self.bytes.1) >= IDLE
    }

    fn ask_idle(&mut self) {
        match self.relay.source_is_idle() {
            Ok(true) => self.send_question(),
            Ok(false) => {}
            Err(error) => self.end(RelayOutcome::Failed(error.to_string())),
        }
    }

    /// Sends the question, which is a few bytes after everything else.
    fn send_question(&mut self) {
        let bytes = self.relay.for_destination();
        let sent = match self.main.as_ref().map(Socket::file) {
            Some(Ok(mut file)) => file.write_all(&bytes),
            Some(Err(error)) => Err(error),
            None => Ok(()),
        };
        if let Err(error) = sent {
            self.end(RelayOutcome::Failed(format!("the destination's connection is lost: {error}")));
        }
    }
}
