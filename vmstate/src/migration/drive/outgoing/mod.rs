//! The driver of a source.

mod actions;

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use self::actions::Connection;
use super::channel::until;
use super::host::{DirtyLimiter, Host};
use super::saver::Saver;
use super::tls::Client;
use super::watch::Watch;
use super::{MigrationError, transport};
use crate::memory::Layout;
use crate::migration::capability::{Capabilities, Capability};
use crate::migration::parameter::Parameters;
use crate::migration::peer::MachineSwitches;
use crate::migration::source::{Source, SourceAction, SourceConfig, SourceControl, SourceInput};
use crate::migration::status::{Event, MigrationStatus, Statistics};
use crate::migration::uri::Uri;
use crate::stream::Configuration;

/// A migration to another host or process.
///
/// [`events`](Self::events) drives it: the guest of the host runs meanwhile, except during the switchover. Dropping it
/// before the end cancels the migration.
#[derive(Debug)]
pub struct Outgoing<'h, H: Host> {
    host: &'h mut H,
    uri: Uri,
    configuration: Configuration,
    source: Source,
    limiter: Option<Arc<dyn DirtyLimiter>>,
    connection: Option<Connection>,
    /// The stream of a lost connection, which continues on another one while the guest runs on the destination.
    kept: Option<Saver>,
    /// Set when postcopy has begun: from then on, only this saver knows the missing pages.
    is_postcopy: bool,
    sender: Sender<Message>,
    inbox: Receiver<Message>,
    watch: Watch,
    /// The number of connections so far: messages of older ones are ignored.
    connections: u64,
}

/// A message for the thread of the driver.
#[derive(Debug)]
enum Message {
    Control(SourceControl),
    /// The next connection is made to another address.
    Redirect(Box<Uri>),
    /// With the time of arrival: a write may delay the handling, and the engine measures round trips.
    Received(u64, Instant, Vec<u8>),
    Lost(u64, String),
}

/// Sends commands to a running migration and reads its statistics, from any thread.
#[derive(Debug, Clone)]
pub struct OutgoingControl {
    sender: Sender<Message>,
    watch: Watch,
}

/// The time after which a cancellation breaks a connection whose destination does not read.
const PATIENCE: Duration = Duration::from_millis(300);

impl OutgoingControl {
    /// Sends a command. It is ignored if it does not apply to the state, or the migration has ended.
    pub fn send(&self, control: SourceControl) {
        let cancels = control == SourceControl::Cancel;
        if self.sender.send(Message::Control(control)).is_ok() && cancels {
            self.watch.cancel_after(PATIENCE);
        }
    }

    /// Connects to another address of the destination from now on.
    pub fn redirect(&self, uri: &Uri) {
        // A migration that has ended ignores it.
        let _ = self.sender.send(Message::Redirect(Box::new(uri.clone())));
    }

    /// Breaks the connection, as if the network had failed.
    pub fn disconnect(&self) {
        self.watch.disconnect();
    }

    /// Returns the statistics, as of the last action.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.watch.statistics()
    }
}

impl<'h, H: Host> Outgoing<'h, H> {
    /// Starts a migration with the default capabilities.
    ///
    /// # Errors
    /// Returns an error if the host has blockers or the parameters cannot be used.
    pub fn start(host: &'h mut H, uri: &Uri, parameters: Parameters) -> Result<Self, MigrationError> {
        let config = Self::default_config(host, uri, parameters);
        Self::start_with(host, uri, config)
    }

    /// Returns the configuration of [`start`](Self::start), for [`start_with`](Self::start_with) with changes.
    #[must_use]
    pub fn default_config(host: &H, uri: &Uri, parameters: Parameters) -> SourceConfig {
        let mut capabilities = Capabilities::default();
        // Files have no return path, and most programs of `exec:` do not answer.
        capabilities.set(Capability::ReturnPath, matches!(uri, Uri::Tcp(_) | Uri::Unix(_) | Uri::Vsock { .. }));
        let config = SourceConfig { parameters, capabilities, ..SourceConfig::new(0, random_session()) };
        let switches = MachineSwitches::new(&host.configuration().machine, config.release);
        config.switches(switches)
    }

    /// Starts a migration with a configuration, whose memory and blockers are set by the host.
    ///
    /// # Errors
    /// See [`start`](Self::start).
    pub fn start_with(host: &'h mut H, uri: &Uri, config: SourceConfig) -> Result<Self, MigrationError> {
        transport::check_source(&config, uri)?;
        transport::check_preempt(config.capabilities, &config.parameters, uri)?;
        let memory = host.memory();
        let runs = host.is_running();
        // Memory that cannot be sent is an error of the stream's beginning.
        let layout = Layout::new(memory.page_size, &memory.blocks).ok();
        let sent = layout.as_ref().map_or(0, |layout| config.left_out().sent_bytes(layout));
        let stays = config.parameters.mode.stops_first();
        let needs_log = runs && !stays && sent > 0 && !config.capabilities.has(Capability::BackgroundSnapshot);
        let blockers = blockers(host, needs_log && memory.log.is_none(), &config);
        let config = SourceConfig {
            memory: sent,
            page_size: memory.page_size.bytes(),
            blocks: layout.map_or(Vec::new(), |layout| layout.blocks().to_vec()),
            guest_runs: runs,
            can_answer: config.can_answer && uri.has_return_path(),
            blockers,
            device_time: config.device_time.or_else(|| host.device_time()),
            ..config
        };
        Client::new(&config, uri).map_err(|error| MigrationError::new("migration", &error))?;
        let source = Source::new(config, Instant::now()).map_err(|error| MigrationError::new("migration", &error))?;
        let (sender, inbox) = mpsc::channel();
        let (configuration, uri, limiter) = (host.configuration(), uri.clone(), host.dirty_limiter());
        let watch = Watch::default();
        watch.publish(source.statistics(Instant::now()));
        Ok(Self {
            host,
            uri,
            configuration,
            source,
            limiter,
            connection: None,
            kept: None,
            is_postcopy: false,
            sender,
            inbox,
            watch,
            connections: 0,
        })
    }

    /// Returns a sender of commands.
    #[must_use]
    pub fn control(&self) -> OutgoingControl {
        OutgoingControl { sender: self.sender.clone(), watch: self.watch.clone() }
    }

    /// Returns the statistics.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let statistics = self.source.statistics(Instant::now());
        let limiter = self.limiter.as_ref().filter(|_| self.source.limits_writes());
        Statistics { dirty_limit: limiter.map(|limiter| limiter.statistics()), ..statistics }
    }

    /// Returns an iterator that drives the migration and returns its events. It ends with the migration.
    pub fn events(&mut self) -> Events<'_, 'h, H> {
        Events(self)
    }

    /// Drives the migration to its end.
    ///
    /// # Errors
    /// Returns an error if the migration fails or is cancelled. The guest then continues on this side, if it ran before.
    pub fn finish(mut self) -> Result<Statistics, MigrationError> {
        self.events().for_each(drop);
        let statistics = self.statistics();
        match statistics.status {
            MigrationStatus::Completed => Ok(statistics),
            status => {
                let reason = statistics.error.unwrap_or_else(|| status.to_string());
                Err(MigrationError::new("migration", &reason))
            }
        }
    }

    /// Advances until an event or the end.
    fn next_event(&mut self) -> Option<Event> {
        loop {
            while let Ok(message) = self.inbox.try_recv() {
                self.handle(message);
            }
            self.watch.publish(self.statistics());
            if let Some(event) = self.source.poll_event() {
                return Some(event);
            }
            if let Some(action) = self.source.poll_action(Instant::now()) {
                self.carry_out(&action);
            } else if self.source.is_finished() {
                self.kept.take().iter_mut().for_each(Saver::clean_up);
                return None;
            } else {
                self.wait();
            }
        }
    }

    fn carry_out(&mut self, action: &SourceAction) {
        let input = match self.execute(action) {
            Ok(done) => SourceInput::Done(done.guest_stopped(self.host.is_stopped_now())),
            Err(error) => {
                self.await_reason();
                SourceInput::Failed(error.reason)
            }
        };
        self.source.handle(Instant::now(), input);
    }

    /// Gives the destination time to report why it has closed the connection: a write fails before the report is read.
    fn await_reason(&mut self) {
        let deadline = Instant::now() + Duration::from_millis(200);
        while self.connection.is_some()
            && let Ok(message) = self.inbox.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            let lost = matches!(message, Message::Lost(..));
            self.handle(message);
            if lost {
                return;
            }
        }
    }

    fn handle(&mut self, message: Message) {
        let now = Instant::now();
        match message {
            // A command that does not apply to the state has no effect, as in QEMU.
            Message::Control(control) => {
                if control == SourceControl::Cancel {
                    self.watch.cancel_arrived();
                }
                let _ = self.source.command(now, control);
            }
            Message::Redirect(uri) => self.uri = *uri,
            Message::Received(number, at, bytes) if number == self.connections => {
                self.source.handle(at, SourceInput::Received(&bytes));
            }
            Message::Lost(number, reason) if number == self.connections => {
                self.source.handle(now, SourceInput::Lost(reason));
            }
            Message::Received(..) | Message::Lost(..) => {}
        }
    }

    /// Waits for a message or the next deadline.
    fn wait(&mut self) {
        const LONG: Duration = Duration::from_secs(3600);
        match self.inbox.recv_timeout(until(self.source.poll_timeout()).unwrap_or(LONG)) {
            Ok(message) => self.handle(message),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                self.source.handle(Instant::now(), SourceInput::Timeout);
            }
        }
    }
}

/// Cancels a migration that has not ended, so that the guest is not left stopped. Nothing decides about a migration in
/// doubt: its guest stays stopped.
impl<H: Host> Drop for Outgoing<'_, H> {
    fn drop(&mut self) {
        let cancelled =
            !self.source.is_finished() && self.source.command(Instant::now(), SourceControl::Cancel).is_ok();
        let doubt = Event::Status(MigrationStatus::Doubt);
        if cancelled && self.statistics().status != MigrationStatus::Doubt {
            self.events().take_while(|event| *event != doubt).for_each(drop);
        }
    }
}

/// The events of a migration.
#[derive(Debug)]
pub struct Events<'o, 'h, H: Host>(&'o mut Outgoing<'h, H>);

impl<H: Host> Iterator for Events<'_, '_, H> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.0.next_event()
    }
}

/// Returns the reasons why the guest cannot be migrated.
fn blockers(host: &mut impl Host, lacks_log: bool, config: &SourceConfig) -> Vec<String> {
    let mut blockers = host.blockers(config.parameters.mode);
    if config.capabilities.has(Capability::DirtyLimit) && host.dirty_limiter().is_none() {
        blockers.push("`dirty-limit` requires a host that limits the writes of vCPUs; switch it off".to_owned());
    }
    if lacks_log {
        blockers.push("the memory of the running guest has no dirty log; stop the guest first".to_owned());
    }
    // The devices of a running guest belong to it. A blocked one ends the migration when they are saved.
    if !host.is_running() {
        host.with_machine(&mut |machine| blockers.extend(machine.blockers()));
    }
    blockers
}

/// Returns a number that differs between migrations. It identifies them, and protects nothing.
pub(in crate::migration) fn random_session() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    RandomState::new().hash_one((time.as_nanos(), std::process::id()))
}
