//! The source of a migration, without I/O, threads and clocks.
//!
//! A driver asks the [`Source`] for the next [`SourceAction`], carries it out, and passes the [`SourceInput`] that results back, with
//! the current time. The actions are the steps of a [`SaveSession`](crate::machine::SaveSession), so guest pages never
//! pass through the engine: the session sends them from their place in memory. Bytes of the return path go in, commands
//! come out.
//!
//! Each state is a struct, and its transition consumes it. A failure or a cancellation in any state leads to
//! `Leaving`, which closes the channel and resumes the guest. The exceptions are the states after the
//! source has given the right to run away: they lead to `Doubt`.
//! (QEMU: `migration_thread` and `source_return_path_thread` in `migration/migration.c`.)

mod active;
mod background;
mod config;
mod doubt;
mod drain;
mod exchange;
mod leaving;
mod link;
mod machine_stream;
mod phase;
mod postcopy;
mod requests;
mod retries;
mod shared;
mod starting;
mod states;
mod switchover;
mod traffic;
mod xbzrle;

use std::time::Instant;

pub use self::config::{Rejected, SourceConfig};
pub use self::exchange::{Done, SourceAction, SourceControl, SourceInput};
use self::link::Answer;
pub use self::machine_stream::MachineStream;
use self::shared::Shared;
use self::starting::Connecting;
use self::states::State;
use super::capability::Capability;
use super::parameter::Parameters;
use super::status::{Event, MigrationStatus, Statistics};
use crate::stream::{ReceivedBitmap, ReturnPathMessage};

/// The error for a command that does not apply to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("command `{command}` is not possible in state `{status}`")]
pub struct NotNow {
    command: &'static str,
    status: MigrationStatus,
}

/// A signal for a state: an input or a command, decoded.
enum Signal {
    Done(Done),
    Failed(String),
    Message(ReturnPathMessage),
    /// The pages of a block that have arrived.
    Bitmap(String, ReceivedBitmap),
    Lost(String),
    Timeout,
    Control(SourceControl),
}

/// The source of a migration.
///
/// ```
/// use std::time::Instant;
///
/// use vmstate::migration::source::{SourceAction, SourceControl, Source, SourceConfig};
/// use vmstate::migration::MigrationStatus;
///
/// let now = Instant::now();
/// let mut source = Source::new(SourceConfig::new(1 << 20, 1), now)?;
/// assert_eq!(source.poll_action(now), Some(SourceAction::Connect));
/// source.command(now, SourceControl::Cancel)?;
/// assert_eq!(source.statistics(now).status, MigrationStatus::Cancelling);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Source {
    shared: Shared,
    /// `None` only while a transition consumes it.
    state: Option<State>,
}

impl Source {
    /// Creates the source, which connects first.
    ///
    /// # Errors
    /// Returns an error if the machine is blocked, or the capabilities or parameters cannot be combined: all reasons at
    /// once.
    pub fn new(config: SourceConfig, now: Instant) -> Result<Self, Rejected> {
        config.check()?;
        let mut shared = Shared::new(config, now);
        shared.enter(MigrationStatus::Setup);
        let state = Some(Connecting::begin(&mut shared).into());
        Ok(Self { shared, state })
    }

    /// Handles an input.
    pub fn handle(&mut self, now: Instant, input: SourceInput<'_>) {
        match input {
            SourceInput::Done(done) => {
                self.shared.is_paused = done.guest_stopped;
                self.advance(now, Signal::Done(done));
                self.shared.busy = None;
                self.advance_idle(now);
            }
            SourceInput::Failed(reason) => {
                self.advance(now, Signal::Failed(reason));
                self.shared.busy = None;
                self.advance_idle(now);
            }
            SourceInput::Received(bytes) => self.receive(now, bytes),
            SourceInput::Lost(reason) => self.lose(now, reason),
            SourceInput::Timeout => self.time_out(now),
        }
    }

    /// Executes a command.
    ///
    /// # Errors
    /// Returns an error if the command does not apply to the state.
    pub fn command(&mut self, now: Instant, control: SourceControl) -> Result<(), NotNow> {
        if let SourceControl::Set(parameters) = control {
            self.shared.config.parameters = *parameters;
            return Ok(());
        }
        let accepts = self.state.as_ref().is_some_and(|state| state.accepts(&control));
        if !accepts {
            return Err(NotNow { command: control.name(), status: self.shared.status() });
        }
        self.advance(now, Signal::Control(control));
        self.advance_idle(now);
        Ok(())
    }

    /// Returns the next action. While an action is carried out, there is nothing to do.
    pub fn poll_action(&mut self, now: Instant) -> Option<SourceAction> {
        self.shared.take_action(now)
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.shared.events.pop_front()
    }

    /// Returns the time at which the engine needs [`SourceInput::Timeout`], if there is nothing else to do until then.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.state.as_ref().and_then(State::deadline)
    }

    /// Returns the statistics.
    #[must_use]
    pub fn statistics(&self, now: Instant) -> Statistics {
        self.shared.statistics(now)
    }

    /// Returns the parameters.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.shared.config.parameters
    }

    /// Returns the size of the cache of pages, if pages are sent as their changes (capability `xbzrle`).
    #[must_use]
    pub fn xbzrle_cache_size(&self) -> Option<u64> {
        let config = &self.shared.config;
        config.has(Capability::Xbzrle).then_some(config.parameters.xbzrle_cache_size)
    }

    /// Returns the configuration.
    #[cfg(unix)]
    pub(in crate::migration) fn config(&self) -> &SourceConfig {
        &self.shared.config
    }

    /// Returns whether the source opens the return path, which the driver then has to read.
    #[must_use]
    pub fn has_return_path(&self) -> bool {
        self.shared.config.has_return_path()
    }

    /// Returns whether the guest runs on the destination while its pages are sent.
    #[must_use]
    pub fn is_split(&self) -> bool {
        self.shared.is_split
    }

    /// Returns whether the rate at which vCPUs write memory is limited.
    #[must_use]
    pub fn limits_writes(&self) -> bool {
        self.shared.limits_writes()
    }

    /// Returns whether the migration has ended, so that no action follows.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.state, Some(State::Finished(_)))
    }

    /// Returns whether [`poll_action`](Self::poll_action) returns an action.
    #[cfg(test)]
    pub(super) fn has_action(&self) -> bool {
        self.shared.busy.is_none() && !self.shared.is_idle()
    }

    /// Returns a text that is equal for sources with the same future, except for times.
    #[cfg(test)]
    pub(super) fn key(&self) -> String {
        format!("{:?} {}", self.state, self.shared.key())
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.shared.link.push(bytes);
        loop {
            match self.shared.link.next(now) {
                Ok(Some(Answer::Message(message))) => {
                    if let Err(reason) = self.shared.requests.add(&message) {
                        return self.lose(now, reason);
                    }
                    self.advance(now, Signal::Message(message));
                    self.advance_idle(now);
                }
                Ok(Some(Answer::Bitmap(block, received))) => {
                    self.advance(now, Signal::Bitmap(block, received));
                    self.advance_idle(now);
                }
                Ok(None) => return,
                Err(error) => return self.lose(now, error.to_string()),
            }
        }
    }

    fn lose(&mut self, now: Instant, reason: String) {
        self.advance(now, Signal::Lost(reason));
        self.advance_idle(now);
    }

    fn time_out(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|deadline| now >= deadline) {
            self.advance(now, Signal::Timeout);
            self.advance_idle(now);
        }
    }

    fn advance(&mut self, now: Instant, signal: Signal) {
        if let Some(state) = self.state.take() {
            self.state = Some(state.handle(&mut self.shared, now, signal));
        }
    }

    /// Lets the state choose the next action, if none is left.
    fn advance_idle(&mut self, now: Instant) {
        if self.shared.is_idle()
            && let Some(state) = self.state.take()
        {
            self.state = Some(state.proceed(&mut self.shared, now));
        }
    }
}
