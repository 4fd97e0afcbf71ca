//! The actions of a destination outside of the load: connections, answers, and the guest.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::{Incoming, IncomingControl};
use crate::machine::LoadReport;
use crate::migration::announce::Announcement;
use crate::migration::capability::Capability;
use crate::migration::destination::{
    Destination, DestinationAction, DestinationConfig, DestinationControl, DestinationInput, Item,
};
use crate::migration::drive::channel::{Channel, explain, until};
use crate::migration::drive::host::Host;
use crate::migration::drive::listener::Listener;
use crate::migration::drive::multifd::{self, Receiving};
use crate::migration::drive::postcopy::Postcopy;
use crate::migration::drive::return_path::ReturnPath;
use crate::migration::drive::socket::{Socket, is_timeout};
use crate::migration::status::{Event, MigrationStatus};
use crate::migration::uri::Uri;
use crate::stream::{Decoded, ItemDecoder, ReturnPathMessage, StreamItem};

/// The reason if the system does not support postcopy.
pub(super) const UNSUPPORTED: &str = "postcopy requires Linux and the feature `mapping`; switch `postcopy-ram` off";

pub(super) struct Driver<'i, E> {
    pub(super) incoming: &'i Incoming,
    /// The configuration, which commands can change until the source has connected.
    pub(super) config: DestinationConfig,
    pub(super) engine: Destination,
    /// The data channels.
    pub(super) receiving: Option<Receiving>,
    pub(super) channel: Option<Channel>,
    pub(super) output: ReturnPath,
    /// The listener that has replaced the first one.
    listener: Option<Listener>,
    /// Bytes that were read after the end of the stream.
    pending: Vec<u8>,
    pub(super) progress: Duration,
    /// The result of the load, which the host has to accept.
    pub(super) report: Option<LoadReport>,
    /// Set if the devices are unknown, so that the ends of sections and of the stream are searched.
    pub(super) searches_ends: bool,
    /// Set if the guest may run before its pages have arrived.
    pub(super) postcopy: Option<Postcopy>,
    on_event: E,
}

impl<'i, E: FnMut(Event)> Driver<'i, E> {
    pub(super) fn new(incoming: &'i Incoming, on_event: E) -> Self {
        Self {
            incoming,
            config: incoming.config.clone(),
            engine: Destination::new(incoming.config.clone()),
            receiving: None,
            channel: None,
            output: ReturnPath::default(),
            listener: None,
            pending: Vec::new(),
            progress: incoming.config.parameters.progress_timeout,
            report: None,
            searches_ends: false,
            postcopy: None,
            on_event,
        }
    }

    /// Waits for a source, and carries out the actions of the engine until the migration ends. Returns the engine.
    pub(super) fn run(mut self, host: &mut impl Host) -> Destination {
        let mut next = self.next_action();
        while let Some(action) = next {
            next = match action {
                // A guest that is kept and does not run here waits for nothing: its source asks an operator.
                DestinationAction::Accept if self.searches_ends && self.engine.status() == MigrationStatus::Loaded => {
                    break;
                }
                DestinationAction::Load => self.load(host),
                action => {
                    let input = self.execute(host, &action);
                    self.handle(input);
                    self.next_action()
                }
            };
        }
        self.engine
    }

    pub(super) fn next_action(&mut self) -> Option<DestinationAction> {
        self.emit();
        self.engine.poll_action()
    }

    fn emit(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            (self.on_event)(event);
        }
    }

    pub(super) fn handle(&mut self, input: DestinationInput) {
        let now = Instant::now();
        if self.incoming.control.is_cancelled() {
            // States in which it is too late reject the command.
            let _ = self.engine.command(now, DestinationControl::Cancel);
        }
        let input = match input {
            DestinationInput::Lost(reason) => {
                let ending = self.channel.as_ref().and_then(Channel::ending);
                DestinationInput::Lost(explain(&reason, ending.as_ref()))
            }
            other => other,
        };
        self.engine.handle(now, input);
        // While there is a connection, the source may be alive and may give the right to run away itself.
        if self.incoming.control.is_forced() && self.channel.is_none() {
            // The engine rejects the command unless the machine is loaded and the source is gone.
            let _ = self.engine.command(now, DestinationControl::ForceRun);
        }
        self.emit();
    }

    pub(super) fn with_postcopy(&mut self, call: impl FnOnce(&mut Postcopy) -> Result<(), String>) -> DestinationInput {
        let called = self.postcopy.as_mut().ok_or_else(|| UNSUPPORTED.to_owned()).and_then(call);
        called.map_or_else(DestinationInput::Failed, |()| DestinationInput::Done)
    }

    fn execute(&mut self, host: &mut impl Host, action: &DestinationAction) -> DestinationInput {
        match action {
            DestinationAction::Accept => self.accept(host),
            DestinationAction::Answer(message) => self.answer(message),
            DestinationAction::AcceptPreempt => self.accept_preempt(),
            DestinationAction::ReadCommand => match &mut self.postcopy {
                Some(postcopy) if self.engine.is_postcopy() => postcopy.next(self.engine.poll_timeout()),
                _ => self.read_command(),
            },
            DestinationAction::AwaitClose => self.await_close(),
            DestinationAction::Run => self.start(host),
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
            DestinationAction::Finish => {
                let progress = self.progress;
                self.with_postcopy(|postcopy| postcopy.finish(progress))
            }
            DestinationAction::Advise(_) | DestinationAction::Discard { .. } | DestinationAction::Listen { .. } => {
                DestinationInput::Failed("the stream is not being loaded".to_owned())
            }
        }
    }

    fn start(&mut self, host: &mut impl Host) -> DestinationInput {
        self.postcopy.iter_mut().for_each(|postcopy| postcopy.set_guest_runs(true));
        match host.start() {
            Ok(()) => {
                self.incoming.control.recorder().set_vcpus(host.vcpu_threads(), Instant::now());
                host.announce(&Announcement::new(&self.config.parameters));
                DestinationInput::Done
            }
            Err(error) => {
                self.postcopy.iter_mut().for_each(|postcopy| postcopy.set_guest_runs(false));
                DestinationInput::Failed(error.to_string())
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
        let accepted = match (self.config.capabilities.has(Capability::Multifd), self.incoming.address()) {
            (true, Uri::File { .. }) => self.open_several(host),
            (true, _) => self.accept_several(host),
            (false, _) => self.await_channel(),
        };
        let mut channel = match accepted {
            Ok(Some(channel)) => channel,
            Ok(None) if self.incoming.control.is_cancelled() => {
                return DestinationInput::Failed("cancelled".to_owned());
            }
            Ok(None) => return DestinationInput::Timeout,
            Err(error) => return DestinationInput::Failed(error.to_string()),
        };
        self.configure(self.incoming.control.0.waiting.end());
        self.incoming.control.watch(&channel);
        let progress = self.progress;
        let limit = |socket: &Socket| socket.set_progress(progress).and(socket.set_read_timeout(Some(progress)));
        if let Some(Err(error)) = channel.socket().map(limit) {
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

    /// Uses a configuration that a command has set before the source has connected.
    fn configure(&mut self, config: Option<DestinationConfig>) {
        let Some(config) = config else { return };
        self.progress = config.parameters.progress_timeout;
        self.incoming.control.set_measures_vcpus(config.capabilities);
        self.engine.configure(config.clone());
        self.config = config;
    }

    /// Accepts the main channel and the data channels, and starts to read the data channels.
    fn accept_several(&mut self, host: &impl Host) -> io::Result<Option<Channel>> {
        let incoming = self.incoming;
        let (listener, waiting, parameters) =
            (&incoming.listener, &incoming.control.0.waiting, &self.config.parameters);
        let expected = || waiting.channels().unwrap_or((parameters.multifd_channels, parameters.answer_timeout));
        let memory = host.memory();
        // An unknown guest can have any UUID.
        let uuid = memory.announced.is_none().then(|| host.uuid());
        let Self { engine, on_event, progress, .. } = self;
        let cancelled = || is_decided(&incoming.control, engine);
        let mut on_rejected = |reason| on_event(Event::Rejected(reason));
        let accepted = multifd::accept(listener, expected, uuid, *progress, cancelled, &mut on_rejected)?;
        let Some((main, data)) = accepted else { return Ok(None) };
        self.configure(waiting.end());
        let compression = self.config.parameters.multifd_compression;
        self.receiving = Some(Receiving::start(&main, data, &memory, compression, self.progress)?);
        Ok(Some(main))
    }

    /// Opens a file, and starts the threads that read its pages.
    fn open_several(&mut self, host: &impl Host) -> io::Result<Option<Channel>> {
        let (memory, parameters) = (host.memory(), &self.config.parameters);
        let (channels, direct) = (parameters.multifd_channels, self.incoming.address().file_path());
        let direct = direct.filter(|_| parameters.direct_io);
        let channel = self.await_channel()?;
        let file = channel.as_ref().and_then(|channel| channel.input.as_ref());
        // The memory of an unknown guest is created while it is read.
        if let Some(file) = file.filter(|_| memory.announced.is_none()) {
            self.receiving = Some(Receiving::from_file(file, channels, &memory, direct, self.progress)?);
        }
        Ok(channel)
    }

    pub(super) fn listener(&self) -> &Listener {
        self.listener.as_ref().unwrap_or(&self.incoming.listener)
    }

    /// Waits for a connection. Another listener can replace the first one.
    fn await_channel(&mut self) -> io::Result<Option<Channel>> {
        let control = &self.incoming.control;
        loop {
            let listener = self.listener();
            let until = || control.has_listener() || is_decided(control, &self.engine) || listener.has_rejections();
            let channel = listener.accept(self.progress, until)?;
            let rejections = listener.take_rejections();
            rejections.into_iter().for_each(|reason| (self.on_event)(Event::Rejected(reason)));
            match control.take_listener() {
                _ if channel.is_some() => return Ok(channel),
                Some(listener) => self.listener = Some(listener.secure(self.incoming.server.as_ref())),
                None if is_decided(control, &self.engine) => return Ok(None),
                None => {}
            }
        }
    }

    pub(super) fn answer(&self, message: &ReturnPathMessage) -> DestinationInput {
        self.output.send(message, &[]).map_or_else(DestinationInput::Lost, |()| DestinationInput::Done)
    }

    /// Reads the next command after the end of the stream.
    fn read_command(&mut self) -> DestinationInput {
        let mut is_first = true;
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
            match self.read_some(std::mem::take(&mut is_first)) {
                Ok(()) => {}
                Err(DestinationInput::Done) => {
                    return DestinationInput::Lost("the source has closed the connection".to_owned());
                }
                Err(input) => return input,
            }
        }
    }

    /// Waits until the source has closed the connection.
    fn await_close(&mut self) -> DestinationInput {
        let mut is_first = true;
        loop {
            match self.read_some(std::mem::take(&mut is_first)) {
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

    /// Reads bytes until the engine's deadline, at least once. The error is `Done` at the end of the connection.
    fn read_some(&mut self, is_first: bool) -> Result<(), DestinationInput> {
        let timeout = until(self.engine.poll_timeout());
        // A peer that sends bytes all the time would extend the wait.
        if !is_first && timeout == Some(Duration::ZERO) {
            return Err(DestinationInput::Timeout);
        }
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

/// Returns whether a command ends the wait for a connection. A guest that runs cannot be cancelled.
pub(super) fn is_decided(control: &IncomingControl, engine: &Destination) -> bool {
    let gives_up = control.is_cancelled() && !engine.is_postcopy();
    gives_up || control.is_forced() && engine.status() == MigrationStatus::Loaded
}
