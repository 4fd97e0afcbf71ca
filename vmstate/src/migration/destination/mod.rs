//! The destination of a migration, without I/O, threads and clocks.
//!
//! A driver carries out the [`DestinationAction`]s of a [`Destination`] with a [`LoadSession`](crate::machine::LoadSession), and passes
//! the results back. The guest runs only when its source cannot resume it anymore: after the command RUN of a source that
//! uses this library, and otherwise when the source has closed the connection after the confirmation.
//! (QEMU: `process_incoming_migration_co` in `migration/migration.c`, `loadvm_process_command` in `migration/savevm.c`.)

mod leaving;
mod loaded;
mod loading;
mod phase;
mod postcopy;
mod shared;
mod states;

use std::time::Instant;

use self::loading::Listening;
use self::shared::Shared;
use self::states::State;
use super::capability::Capabilities;
use super::parameter::Parameters;
use super::peer::MachineSwitches;
use super::status::{Event, MigrationStatus};
use crate::stream::{Command, DestinationState, DiscardRange, PostcopyAdvice, ReturnPathMessage};

/// A step that the driver carries out. It reports the result as an [`DestinationInput`] before it asks for the next action.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DestinationAction {
    /// Wait for a connection. At the first one, begin to load.
    Accept,
    /// Take the next item of the stream, and load it if it is a section.
    Load,
    /// Read the next command after the end of the stream, or at the start of a later connection.
    ReadCommand,
    /// Send a message on the return path.
    Answer(ReturnPathMessage),
    /// Complete the load.
    Commit,
    /// Wait until the source has received all answers and closed the connection. Fails if the connection is reset.
    AwaitClose,
    /// Start the guest, unless it was stopped on the source.
    Run,
    /// Check that pages of the source's sizes can be placed while the guest runs.
    Advise(PostcopyAdvice),
    /// Discard pages, which follow while the guest runs.
    Discard {
        /// The RAM block.
        block: String,
        /// The ranges in bytes.
        ranges: Vec<DiscardRange>,
    },
    /// Accept the channel for requested pages, with the capability `postcopy-preempt`. The source has opened it already.
    AcceptPreempt,
    /// Take a package from the stream, whose items [`Load`](Self::Load) takes next, and read the rest of the stream
    /// independently: place pages, and pass all other items to [`ReadCommand`](Self::ReadCommand).
    Listen {
        /// The length of the package in bytes.
        length: u32,
    },
    /// Send the pages of a RAM block that have arrived.
    SendBitmap(String),
    /// Request all pages again that the guest waits for.
    RepeatRequests,
    /// End postcopy. Fails if pages are missing.
    Finish,
    /// Roll the load back.
    RollBack,
    /// Close the connection.
    Close,
}

/// An item of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// A section, which was loaded.
    Section,
    /// A command.
    Command(Command),
    /// The end of the package.
    PackageEnd,
    /// The end of the stream.
    End {
        /// Set if the complete description followed.
        described: bool,
    },
}

/// An input of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DestinationInput {
    /// The action has succeeded. After [`DestinationAction::Load`] and [`DestinationAction::ReadCommand`], an item is passed instead.
    Done,
    /// The item that was read.
    Item(Item),
    /// The action has failed: the stream is malformed, or the machine rejects it.
    Failed(String),
    /// The connection is lost.
    Lost(String),
    /// The time of [`Destination::poll_timeout`] has come. It ends the action that is being carried out.
    Timeout,
}

/// A command of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DestinationControl {
    /// Give the guest up: it never runs on this side.
    Cancel,
    /// Run the guest although the source has not given the right to run away. The caller asserts that the source is dead,
    /// or has left the guest to this side.
    ForceRun,
}

/// The error for a command that does not apply to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the destination cannot do this in state `{0}`")]
pub struct NotPossible(MigrationStatus);

/// The configuration of a [`Destination`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DestinationConfig {
    /// The capabilities.
    pub capabilities: Capabilities,
    /// The parameters.
    pub parameters: Parameters,
    /// The objects that `tls-creds` and `tls-authz` name.
    #[cfg(all(unix, feature = "tls"))]
    pub objects: crate::migration::tls::Objects,
    /// Rejects the handshake of this library, so that the destination behaves as a QEMU.
    pub without_handshake: bool,
    /// Approves the switchover although no device asks for it (`switchover-ack-legacy`), with the capability
    /// `switchover-ack`.
    pub legacy_approval: bool,
}

impl Default for DestinationConfig {
    fn default() -> Self {
        Self {
            capabilities: Capabilities::default(),
            parameters: Parameters::default(),
            #[cfg(all(unix, feature = "tls"))]
            objects: crate::migration::tls::Objects::new(),
            without_handshake: false,
            legacy_approval: MachineSwitches::default().legacy_approval,
        }
    }
}

/// A signal for a state: an input or a command.
enum Signal {
    Done,
    Item(Item),
    Failed(String),
    Lost(String),
    Timeout,
    Control(DestinationControl),
}

/// The destination of a migration.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Destination {
    shared: Shared,
    /// `None` only while a transition consumes it.
    state: Option<State>,
}

impl Destination {
    /// Creates the destination, which waits for a connection first.
    #[must_use]
    pub fn new(config: DestinationConfig) -> Self {
        let mut shared = Shared::new(config);
        shared.enter(MigrationStatus::Setup);
        let state = Some(Listening::begin(&mut shared).into());
        Self { shared, state }
    }

    /// Replaces the configuration. It has no effect once the source has connected.
    pub fn configure(&mut self, config: DestinationConfig) {
        if matches!(self.state, Some(State::Listening(_))) {
            self.shared.config = config;
        }
    }

    /// Handles an input.
    pub fn handle(&mut self, now: Instant, input: DestinationInput) {
        let signal = match input {
            DestinationInput::Done => Signal::Done,
            DestinationInput::Item(item) => Signal::Item(item),
            DestinationInput::Failed(reason) => Signal::Failed(reason),
            DestinationInput::Lost(reason) => Signal::Lost(reason),
            DestinationInput::Timeout => Signal::Timeout,
        };
        self.advance(now, signal);
        self.shared.busy = None;
        self.advance_idle(now);
    }

    /// Executes a command.
    ///
    /// # Errors
    /// Returns an error if the command does not apply to the state.
    pub fn command(&mut self, now: Instant, control: DestinationControl) -> Result<(), NotPossible> {
        if !self.state.as_ref().is_some_and(|state| state.accepts(&control)) {
            return Err(NotPossible(self.shared.status()));
        }
        self.advance(now, Signal::Control(control));
        self.advance_idle(now);
        Ok(())
    }

    /// Returns the next action. While an action is carried out, there is nothing to do.
    pub fn poll_action(&mut self) -> Option<DestinationAction> {
        self.shared.take_action()
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.shared.events.pop_front()
    }

    /// Returns the time at which the current action must end with [`DestinationInput::Timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.state.as_ref().and_then(State::deadline)
    }

    /// Returns the state.
    #[must_use]
    pub fn status(&self) -> MigrationStatus {
        self.shared.status()
    }

    /// Returns the first error.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.shared.error.as_deref()
    }

    /// Returns the session that the source has announced and its state, which a later connection can ask for.
    #[must_use]
    pub fn session(&self) -> Option<(u64, DestinationState)> {
        self.shared.session.map(|session| (session, self.shared.state))
    }

    /// Returns whether the source has opened the return path, so that it waits for the result.
    #[must_use]
    pub fn has_return_path(&self) -> bool {
        self.shared.return_path
    }

    /// Returns whether pages arrive independently of the actions.
    #[must_use]
    pub fn is_postcopy(&self) -> bool {
        self.shared.is_postcopy
    }

    /// Returns whether the migration has ended, so that no action follows.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.state, Some(State::Finished(_)))
    }

    /// Returns a text that is equal for destinations with the same future, except for times.
    #[cfg(test)]
    pub(super) fn key(&self) -> String {
        let Shared { config: _, actions, busy, events: _, status, return_path, session, state, error, .. } =
            &self.shared;
        let Shared { has_handshake, is_advised, is_postcopy, .. } = &self.shared;
        let flags = (return_path, has_handshake, error.is_some(), is_advised, is_postcopy);
        format!("{:?}", (&self.state, actions, busy, status, session, state, flags))
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
