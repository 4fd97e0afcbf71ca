//! The driver of a destination.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vmstate_types::{LoadError, Reader};

use super::MigrationError;
use super::channel::{Channel, until};
use super::host::{Host, HostMemory};
use super::listener::Listener;
use super::multifd::{self, Receiving};
use super::postcopy::{Package, Postcopy};
use super::return_path::ReturnPath;
use super::socket::{Socket, TimedReader, is_timeout};
use crate::machine::{LoadOptions, LoadReport, LoadSession, Machine, Step, Trailer};
use crate::migration::announce::Announcement;
use crate::migration::capability::Capability;
use crate::migration::destination::{
    Destination, DestinationAction, DestinationConfig, DestinationControl, DestinationInput, Item,
};
use crate::migration::parameter::Parameters;
use crate::migration::status::{Event, FaultLatency, MigrationStatus};
use crate::migration::uri::Uri;
use crate::ram::{self, Ram};
use crate::registry::{EntryId, RegisterError, Registration};
use crate::stream::{Decoded, ItemDecoder, ReturnPathMessage, StreamItem, StreamReader};

/// A migration from another host or process.
#[derive(Debug)]
pub struct Incoming {
    listener: Listener,
    config: DestinationConfig,
    options: LoadOptions,
    control: IncomingControl,
}

/// Cancels an incoming migration, from any thread.
#[derive(Debug, Clone, Default)]
pub struct IncomingControl(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    /// The socket that the migration reads.
    socket: Mutex<Option<Socket>>,
    /// A listener that replaces the one of an interrupted migration.
    listener: Mutex<Option<Listener>>,
    latency: Arc<Mutex<FaultLatency>>,
}

impl IncomingControl {
    /// Cancels the migration, unless the source has given the guest to this side.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        self.disconnect();
    }

    /// Breaks the connection, as if the network had failed.
    pub fn disconnect(&self) {
        if let Some(socket) = &*self.0.socket.lock().unwrap_or_else(PoisonError::into_inner) {
            socket.shut_down();
        }
    }

    /// Listens at another address for the source of a migration that was interrupted while the guest ran.
    ///
    /// # Errors
    /// Returns an error if the address cannot be used.
    pub fn recover(&self, uri: &Uri) -> Result<(), MigrationError> {
        let listener = Listener::new(uri).map_err(|error| MigrationError::new("listener", &error))?;
        *self.0.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
        Ok(())
    }

    /// Returns the times for which the guest has waited for pages so far.
    #[must_use]
    pub fn fault_latency(&self) -> FaultLatency {
        *self.0.latency.lock().unwrap_or_else(PoisonError::into_inner)
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
        let listener = Listener::new(uri).map_err(|error| MigrationError::new("listener", &error))?;
        Ok(Self { listener, config, options: LoadOptions::new(), control: IncomingControl::default() })
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
        let engine = Destination::new(self.config.clone());
        let progress = self.config.parameters.progress_timeout;
        let mut driver = Driver {
            incoming: &self,
            engine,
            receiving: None,
            channel: None,
            output: ReturnPath::default(),
            listener: None,
            pending: Vec::new(),
            progress,
            report: None,
            postcopy: None,
            on_event,
        };
        driver.run(host);
        match driver.engine.status() {
            MigrationStatus::Completed => Ok(()),
            status => {
                let reason = driver.engine.error().map_or_else(|| status.to_string(), str::to_owned);
                Err(MigrationError::new("incoming migration", &reason))
            }
        }
    }
}

/// The reason if the system does not support postcopy.
const UNSUPPORTED: &str = "postcopy requires Linux and the feature `mapping`; switch `postcopy-ram` off";

struct Driver<'i, E> {
    incoming: &'i Incoming,
    engine: Destination,
    /// The data channels.
    receiving: Option<Receiving>,
    channel: Option<Channel>,
    output: ReturnPath,
    /// The listener that has replaced the first one.
    listener: Option<Listener>,
    /// Bytes that were read after the end of the stream.
    pending: Vec<u8>,
    progress: Duration,
    /// The result of the load, which the host has to accept.
    report: Option<LoadReport>,
    /// Set if the guest may run before its pages have arrived.
    postcopy: Option<Postcopy>,
    on_event: E,
}

impl<E: FnMut(Event)> Driver<'_, E> {
    fn run(&mut self, host: &mut impl Host) {
        let mut next = self.next_action();
        while let Some(action) = next {
            next = match action {
                DestinationAction::Load => self.load(host),
                action => {
                    let input = self.execute(host, &action);
                    self.handle(input);
                    self.next_action()
                }
            };
        }
    }

    fn next_action(&mut self) -> Option<DestinationAction> {
        self.emit();
        self.engine.poll_action()
    }

    fn emit(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            (self.on_event)(event);
        }
    }

    fn handle(&mut self, input: DestinationInput) {
        let now = Instant::now();
        if self.incoming.control.is_cancelled() {
            // States in which it is too late reject the command.
            let _ = self.engine.command(now, DestinationControl::Cancel);
        }
        self.engine.handle(now, input);
        self.emit();
    }

    /// Loads the stream, and returns the first action that does not need the machine.
    fn load(&mut self, host: &mut impl Host) -> Option<DestinationAction> {
        let (memory, configuration) = (host.memory(), host.configuration());
        if self.incoming.config.capabilities.has(Capability::PostcopyRam) {
            self.postcopy = Postcopy::new(memory.clone(), self.output.clone(), self.incoming.control.0.latency.clone());
        }
        let mut used = None;
        host.with_machine(&mut |machine| {
            machine.set_configuration(configuration.clone());
            let registered = self.register_memory(machine, &memory);
            used = Some(match registered {
                Ok(memory) => {
                    let next = self.load_machine(machine);
                    machine.unregister(memory);
                    next
                }
                Err(error) => {
                    self.handle(DestinationInput::Failed(error.to_string()));
                    self.next_action()
                }
            });
        });
        used.unwrap_or_else(|| {
            self.handle(DestinationInput::Failed("the host did not provide its machine".to_owned()));
            self.next_action()
        })
    }

    fn register_memory(&self, machine: &mut Machine<'_>, memory: &HostMemory) -> Result<EntryId, RegisterError> {
        match &self.postcopy {
            Some(postcopy) => postcopy.register(machine, memory.page_size),
            None => {
                let mut ram = Ram::new(memory.page_size, memory.blocks.clone());
                if let Some(receiving) = &self.receiving {
                    ram = ram.load_channels(Arc::clone(receiving.shared()));
                }
                let mut registration = Registration::live("ram", ram::VERSION, ram);
                registration.page_size = Some(memory.page_size);
                machine.add(registration)
            }
        }
    }

    fn load_machine(&mut self, machine: &mut Machine<'_>) -> Option<DestinationAction> {
        let input = self.channel.as_mut().and_then(|channel| channel.input.as_ref()?.try_clone().ok());
        let Some(input) = input else {
            self.handle(DestinationInput::Lost("the connection cannot be read".to_owned()));
            return self.next_action();
        };
        let mut reader = Reader::from_read(TimedReader(input));
        // The driver reads it: the engine has to know if it is truncated.
        let options = self.incoming.options.clone().trailer(Trailer::Ignore);
        let opened = options.open(&mut reader).and_then(|mut stream| {
            let session = LoadSession::begin(machine, &mut stream, options)?;
            Ok((stream, session))
        });
        match opened {
            Ok((mut stream, session)) => {
                let action = Some(DestinationAction::Load);
                self.load_stream(machine, &mut stream, session, action, Part::Stream)
            }
            Err(error) => {
                self.handle(failure(&error));
                self.next_action()
            }
        }
    }

    fn load_stream(
        &mut self,
        machine: &mut Machine<'_>,
        stream: &mut StreamReader<'_, '_>,
        session: LoadSession,
        mut action: Option<DestinationAction>,
        part: Part,
    ) -> Option<DestinationAction> {
        let mut session = Some(session);
        loop {
            let input = match action {
                Some(DestinationAction::Advise(advice)) => self.with_postcopy(|postcopy| postcopy.advise(advice)),
                Some(DestinationAction::Discard { block, ranges }) => {
                    self.with_postcopy(|postcopy| postcopy.discard(&block, &ranges))
                }
                Some(DestinationAction::Listen { length }) => match (self.listen(stream, length), session.take()) {
                    (Ok(package), Some(session)) => {
                        self.handle(DestinationInput::Done);
                        return self.load_package(machine, &package, session);
                    }
                    (package, kept) => {
                        session = kept;
                        DestinationInput::Failed(package.err().unwrap_or_default())
                    }
                },
                Some(DestinationAction::Load) => self.explain(take_item(machine, stream, &mut session)),
                // The host accepts the devices when the machine does not borrow them anymore.
                Some(DestinationAction::Commit) if self.report.is_some() => return action,
                Some(DestinationAction::Commit) => match self.commit(machine, stream, &mut session, part) {
                    Ok(report) => {
                        self.report = Some(report);
                        continue;
                    }
                    Err(input) => input,
                },
                Some(DestinationAction::RollBack) => {
                    if let Some(session) = session.take() {
                        session.roll_back(machine);
                    }
                    DestinationInput::Done
                }
                Some(DestinationAction::Answer(message)) => self.answer(&message),
                other => return other,
            };
            self.handle(input);
            action = self.next_action();
        }
    }

    fn load_package(
        &mut self,
        machine: &mut Machine<'_>,
        package: &Package,
        session: LoadSession,
    ) -> Option<DestinationAction> {
        let action = self.next_action();
        let mut reader = Reader::from_slice_at(&package.bytes, package.offset);
        let mut stream = StreamReader::continued(&mut reader, package.items.clone());
        self.load_stream(machine, &mut stream, session, action, Part::Package)
    }

    fn listen(&mut self, stream: &mut StreamReader<'_, '_>, length: u32) -> Result<Package, String> {
        let input = self.channel.as_ref().and_then(|channel| channel.input.as_ref()?.try_clone().ok());
        let input = input.ok_or("the connection cannot be read")?;
        let postcopy = self.postcopy.as_mut().ok_or(UNSUPPORTED)?;
        postcopy.listen(stream, length, input)
    }

    fn with_postcopy(&mut self, call: impl FnOnce(&mut Postcopy) -> Result<(), String>) -> DestinationInput {
        let called = self.postcopy.as_mut().ok_or_else(|| UNSUPPORTED.to_owned()).and_then(call);
        called.map_or_else(DestinationInput::Failed, |()| DestinationInput::Done)
    }

    /// Replaces the consequence of a failed data channel by its error.
    fn explain(&self, input: DestinationInput) -> DestinationInput {
        match (self.receiving.as_ref().and_then(|receiving| receiving.shared().error()), input) {
            (Some(error), DestinationInput::Lost(_) | DestinationInput::Failed(_)) => DestinationInput::Failed(error),
            (_, input) => input,
        }
    }

    fn commit(
        &self,
        machine: &mut Machine<'_>,
        stream: &StreamReader<'_, '_>,
        session: &mut Option<LoadSession>,
        part: Part,
    ) -> Result<LoadReport, DestinationInput> {
        // A source with more data channels has sent pages over them, too. QEMU closes such a connection.
        let surplus = self.receiving.is_some() && self.incoming.listener.has_waiting().unwrap_or(false);
        if surplus {
            let error = "unexpected data channel; set `multifd-channels` to the same value on both sides";
            return Err(DestinationInput::Failed(error.to_owned()));
        }
        let mut session = session.take().ok_or_else(|| DestinationInput::Failed("the load has ended".to_owned()))?;
        if part == Part::Package {
            session.end_package(stream);
        }
        session.commit(machine).map_err(|error| failure(&error))
    }

    fn execute(&mut self, host: &mut impl Host, action: &DestinationAction) -> DestinationInput {
        match action {
            DestinationAction::Accept => self.accept(host),
            DestinationAction::Answer(message) => self.answer(message),
            DestinationAction::ReadCommand => match &self.postcopy {
                Some(postcopy) if self.engine.is_postcopy() => postcopy.next(self.engine.poll_timeout()),
                _ => self.read_command(),
            },
            DestinationAction::AwaitClose => self.await_close(),
            DestinationAction::Run => match host.start() {
                Ok(()) => {
                    host.announce(&Announcement::new(&self.incoming.config.parameters));
                    DestinationInput::Done
                }
                Err(error) => DestinationInput::Failed(error.to_string()),
            },
            DestinationAction::Close => {
                self.receiving = None;
                self.output.replace(None);
                self.postcopy.iter_mut().for_each(Postcopy::disconnect);
                self.channel = None;
                DestinationInput::Done
            }
            DestinationAction::Commit => self.accept_machine(host),
            // The machine was rolled back with its session.
            DestinationAction::Load | DestinationAction::RollBack => DestinationInput::Done,
            DestinationAction::SendBitmap(block) => self.with_postcopy(|postcopy| postcopy.send_bitmap(block)),
            DestinationAction::RepeatRequests => self.with_postcopy(|postcopy| postcopy.repeat_requests()),
            DestinationAction::Finish => self.with_postcopy(Postcopy::finish),
            DestinationAction::Advise(_) | DestinationAction::Discard { .. } | DestinationAction::Listen { .. } => {
                DestinationInput::Failed("the stream is not being loaded".to_owned())
            }
        }
    }

    /// Lets the host accept the machine that was loaded.
    fn accept_machine(&mut self, host: &mut impl Host) -> DestinationInput {
        match self.report.take().map(|report| host.loaded(&report)) {
            Some(Err(error)) => DestinationInput::Failed(error.to_string()),
            Some(Ok(())) | None => DestinationInput::Done,
        }
    }

    fn accept(&mut self, host: &impl Host) -> DestinationInput {
        self.pending.clear();
        self.receiving = None;
        let accepted = match self.incoming.config.capabilities.has(Capability::Multifd) {
            true => self.accept_several(host),
            false => self.await_channel(),
        };
        let mut channel = match accepted {
            Ok(Some(channel)) => channel,
            Ok(None) => return DestinationInput::Failed("cancelled".to_owned()),
            Err(error) => return DestinationInput::Failed(error.to_string()),
        };
        self.incoming.control.watch(&channel);
        if let Some(socket) = channel.socket()
            && let Err(error) = socket.set_read_timeout(Some(self.progress))
        {
            return DestinationInput::Failed(error.to_string());
        }
        self.output.replace(channel.output.take());
        if self.engine.is_postcopy()
            && let Some(postcopy) = &mut self.postcopy
            && let Some(input) = channel.input.take()
        {
            postcopy.listen_again(input);
        }
        self.channel = Some(channel);
        DestinationInput::Done
    }

    /// Accepts the main channel and the data channels, and starts to read the data channels.
    fn accept_several(&mut self, host: &impl Host) -> io::Result<Option<Channel>> {
        let Incoming { listener, control, config, .. } = self.incoming;
        let timeouts = (self.progress, config.parameters.answer_timeout);
        let channels = config.parameters.multifd_channels;
        let accepted = multifd::accept(listener, channels, host.uuid(), timeouts, || control.is_cancelled())?;
        let Some((main, data)) = accepted else { return Ok(None) };
        self.receiving = Some(Receiving::start(&main, data, &host.memory(), self.progress)?);
        Ok(Some(main))
    }

    /// Waits for a connection. A guest that runs cannot be cancelled, but another listener can replace the first one.
    fn await_channel(&mut self) -> io::Result<Option<Channel>> {
        let control = &self.incoming.control;
        let runs = self.engine.is_postcopy();
        loop {
            let listener = self.listener.as_ref().unwrap_or(&self.incoming.listener);
            let until = || control.has_listener() || (control.is_cancelled() && !runs);
            if let Some(channel) = listener.accept(self.progress, until)? {
                return Ok(Some(channel));
            }
            match control.take_listener() {
                Some(listener) => self.listener = Some(listener),
                None => return Ok(None),
            }
        }
    }

    fn answer(&self, message: &ReturnPathMessage) -> DestinationInput {
        self.output.send(message, &[]).map_or_else(DestinationInput::Lost, |()| DestinationInput::Done)
    }

    /// Reads the next command after the end of the stream.
    fn read_command(&mut self) -> DestinationInput {
        loop {
            match ItemDecoder::new().decode_item(&self.pending, 0) {
                Ok(Decoded::Item(Some(StreamItem::Command(command)), used)) => {
                    self.pending.drain(..used);
                    return DestinationInput::Item(Item::Command(command));
                }
                Ok(Decoded::Item(..)) => return DestinationInput::Lost("expected a command".to_owned()),
                Ok(Decoded::Need(_)) => {}
                Err(error) => return DestinationInput::Lost(error.to_string()),
            }
            if let Err(input) = self.read_some() {
                return input;
            }
        }
    }

    /// Waits until the source has closed the connection.
    fn await_close(&mut self) -> DestinationInput {
        loop {
            match self.read_some() {
                // Bytes after the description have no meaning, and QEMU ignores them, too.
                Ok(()) => self.pending.clear(),
                Err(DestinationInput::Done) => {
                    let deadline = self.engine.poll_timeout();
                    let closed = self.channel.as_ref().map_or(Ok(()), |channel| channel.check_closed(deadline));
                    return closed
                        .map_or_else(|error| DestinationInput::Lost(error.to_string()), |()| DestinationInput::Done);
                }
                Err(DestinationInput::Lost(reason)) => return DestinationInput::Lost(reason),
                Err(other) => return other,
            }
        }
    }

    /// Reads bytes until the engine's deadline. The error is `Done` at the end of the connection.
    fn read_some(&mut self) -> Result<(), DestinationInput> {
        let timeout = until(self.engine.poll_timeout());
        let Some(channel) = &mut self.channel else {
            return Err(DestinationInput::Lost("the connection is closed".to_owned()));
        };
        let lost = |error: io::Error| {
            if is_timeout(&error) { DestinationInput::Timeout } else { DestinationInput::Lost(error.to_string()) }
        };
        if let Some(socket) = channel.socket() {
            socket.set_read_timeout(timeout).map_err(lost)?;
        }
        let mut buffer = [0; 4096];
        let count = match &mut channel.input {
            Some(input) => input.read(&mut buffer).map_err(lost)?,
            None => 0,
        };
        match buffer.get(..count) {
            Some(bytes) if count > 0 => self.pending.extend_from_slice(bytes),
            _ => return Err(DestinationInput::Done),
        }
        Ok(())
    }
}

fn failure(error: &LoadError) -> DestinationInput {
    if error.is_truncated() {
        DestinationInput::Lost(format!("connection lost: {error}"))
    } else {
        DestinationInput::Failed(error.to_string())
    }
}

/// Takes the next item of the stream, and loads it if it is a section.
fn take_item(
    machine: &mut Machine<'_>,
    stream: &mut StreamReader<'_, '_>,
    session: &mut Option<LoadSession>,
) -> DestinationInput {
    let Some(current) = session else { return DestinationInput::Failed("the load has ended".to_owned()) };
    let item = match current.step(machine, stream) {
        Ok(Step::Section(_)) => Item::Section,
        Ok(Step::Command(command)) => Item::Command(command),
        Ok(Step::PackageEnd) => Item::PackageEnd,
        Ok(Step::End) => Item::End { described: stream.description().is_ok_and(|text| text.is_some()) },
        Err(error) => {
            let error = match session.take() {
                Some(session) => session.fail(machine, stream, error),
                None => error,
            };
            return failure(&error);
        }
    };
    DestinationInput::Item(item)
}

/// The part of a stream that is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Stream,
    /// The package with the devices, after which only memory follows.
    Package,
}
