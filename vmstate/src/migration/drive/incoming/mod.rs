//! The driver of a destination.

mod driver;
mod load;
mod preempt;
mod waiting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use self::driver::Driver;
use self::waiting::Waiting;
use super::channel::Channel;
use super::host::Host;
use super::listener::Listener;
use super::socket::Socket;
use super::tls::Server;
use super::{MigrationError, transport};
use crate::machine::LoadOptions;
use crate::migration::capability::{Capabilities, Capability};
use crate::migration::destination::{Destination, DestinationConfig};
use crate::migration::parameter::Parameters;
use crate::migration::status::{Blocktime, BlocktimeRecorder, Event, FaultLatency, MigrationStatus};
use crate::migration::uri::Uri;

/// A migration from another host or process.
#[derive(Debug)]
pub struct Incoming {
    listener: Listener,
    config: DestinationConfig,
    /// The encryption of all connections.
    server: Option<Server>,
    options: LoadOptions,
    control: IncomingControl,
}

/// Sends commands to an incoming migration, from any thread.
#[derive(Debug, Clone, Default)]
pub struct IncomingControl(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    /// Set if the guest runs here without the consent of its source.
    forced: AtomicBool,
    /// The socket that the migration reads.
    socket: Mutex<Option<Socket>>,
    /// A listener that replaces the one of an interrupted migration.
    listener: Mutex<Option<Listener>>,
    blocktime: Arc<Mutex<BlocktimeRecorder>>,
    /// Set if the times of vCPUs are reported.
    measures_vcpus: AtomicBool,
    waiting: Waiting,
}

impl IncomingControl {
    /// Cancels the migration, unless the source has given the guest to this side.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        self.disconnect();
    }

    /// Runs the guest that is loaded, although its source has not given the right to run away: the caller asserts that the
    /// source is dead, or has left the guest to this side. A connection that exists is closed. It has no effect in other states.
    pub fn force_run(&self) {
        self.0.forced.store(true, Ordering::Release);
        self.disconnect();
    }

    /// Replaces the configuration of a destination whose source has not connected yet.
    ///
    /// # Errors
    /// Returns an error if the source has connected, the address does not allow a capability, or a setting differs that
    /// decides about the connections: the capabilities `multifd` and `postcopy-preempt`, and the encryption.
    pub fn reconfigure(&self, config: DestinationConfig) -> Result<(), MigrationError> {
        self.0.waiting.replace(config)
    }

    /// Breaks the connection, as if the network had failed.
    pub fn disconnect(&self) {
        if let Some(socket) = &*self.0.socket.lock().unwrap_or_else(PoisonError::into_inner) {
            socket.shut_down();
        }
    }

    /// Listens at another address for the source of a migration that was interrupted while the guest ran. Returns the
    /// address, with the port that the system has chosen if it was 0.
    ///
    /// # Errors
    /// Returns an error if the address cannot be used.
    pub fn recover(&self, uri: &Uri) -> Result<Uri, MigrationError> {
        let listener = Listener::new(uri).map_err(|error| MigrationError::new("listener", &error))?;
        let address = listener.address().clone();
        *self.0.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
        Ok(address)
    }

    /// Returns the times for which the guest has waited for pages so far.
    #[must_use]
    pub fn fault_latency(&self) -> FaultLatency {
        self.recorder().latency()
    }

    /// Returns the times for which each vCPU has waited for pages so far, with the capability `postcopy-blocktime`.
    #[must_use]
    pub fn blocktime(&self) -> Option<Blocktime> {
        self.measures_vcpus().then(|| self.recorder().blocktime(Instant::now()))
    }

    fn measures_vcpus(&self) -> bool {
        self.0.measures_vcpus.load(Ordering::Relaxed)
    }

    fn set_measures_vcpus(&self, capabilities: Capabilities) {
        self.0.measures_vcpus.store(capabilities.has(Capability::PostcopyBlocktime), Ordering::Relaxed);
    }

    fn recorder(&self) -> MutexGuard<'_, BlocktimeRecorder> {
        self.0.blocktime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_listener(&self) -> Option<Listener> {
        self.0.listener.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn has_listener(&self) -> bool {
        self.0.listener.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    fn is_forced(&self) -> bool {
        self.0.forced.load(Ordering::Acquire)
    }

    fn watch(&self, channel: &Channel) {
        let socket = channel.socket().and_then(|socket| socket.try_clone().ok());
        *self.0.socket.lock().unwrap_or_else(PoisonError::into_inner) = socket;
    }
}

impl Incoming {
    /// Listens at an address.
    ///
    /// # Errors
    /// Returns an error if the address cannot be used.
    pub fn listen(uri: &Uri, parameters: Parameters) -> Result<Self, MigrationError> {
        let config = DestinationConfig { parameters, ..DestinationConfig::default() };
        Self::listen_with(uri, config)
    }

    /// Listens at an address, with a configuration.
    ///
    /// # Errors
    /// See [`listen`](Self::listen).
    pub fn listen_with(uri: &Uri, config: DestinationConfig) -> Result<Self, MigrationError> {
        transport::check(config.capabilities, &config.parameters, uri)?;
        transport::check_preempt(config.capabilities, &config.parameters, uri)?;
        let server = Server::new(&config).map_err(|error| MigrationError::new("listener", &error))?;
        let listener = Listener::new(uri).map_err(|error| MigrationError::new("listener", &error))?;
        let listener = listener.secure(server.as_ref());
        let waiting = Waiting::new(uri.clone(), config.clone());
        let control = IncomingControl(Arc::new(Shared { waiting, ..Shared::default() }));
        control.set_measures_vcpus(config.capabilities);
        Ok(Self { listener, config, server, options: LoadOptions::new(), control })
    }

    /// Returns the address, with the port that the system has chosen if it was 0.
    #[must_use]
    pub fn address(&self) -> &Uri {
        self.listener.address()
    }

    /// Sets the rules for sections that differ from the machine's. The description is always read.
    #[must_use]
    pub fn load_options(mut self, options: LoadOptions) -> Self {
        self.options = options;
        self
    }

    /// Returns a handle that cancels the migration.
    #[must_use]
    pub fn control(&self) -> IncomingControl {
        self.control.clone()
    }

    /// Waits for a source and loads its guest, which runs afterwards.
    ///
    /// # Errors
    /// Returns an error if the migration fails. The host has its previous state then, except for memory that was discarded for
    /// postcopy, and its guest does not run. It does not return while a guest that runs lacks pages.
    pub fn run(self, host: &mut impl Host) -> Result<(), MigrationError> {
        self.run_with_events(host, |_| {})
    }

    /// Loads a guest as [`run`](Self::run) does, and calls `on_event` with each event.
    ///
    /// # Errors
    /// See [`run`](Self::run).
    pub fn run_with_events(self, host: &mut impl Host, on_event: impl FnMut(Event)) -> Result<(), MigrationError> {
        result(&Driver::new(&self, on_event).run(host))
    }

    /// Loads a guest, and returns the engine.
    pub(super) fn run_to_end(self, host: &mut impl Host, on_event: impl FnMut(Event)) -> Destination {
        Driver::new(&self, on_event).run(host)
    }
}

/// Returns the result of an incoming migration that has ended.
pub(super) fn result(engine: &Destination) -> Result<(), MigrationError> {
    match engine.status() {
        MigrationStatus::Completed => Ok(()),
        status => {
            let reason = engine.error().map_or_else(|| status.to_string(), str::to_owned);
            Err(MigrationError::new("incoming migration", &reason))
        }
    }
}
