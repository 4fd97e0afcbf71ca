//! The actions of a source: connections, the stream, and the guest.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Instant;

use vmstate_types::SaveError;

use super::{Message, Outgoing};
use crate::migration::capability::Capability;
use crate::migration::drive::channel::{Channel, Link, explain};
use crate::migration::drive::host::{Host, HostError, HostMemory};
use crate::migration::drive::multifd::{SendOptions, Sending};
use crate::migration::drive::saver::Saver;
use crate::migration::drive::saver_postcopy::Preempt;
use crate::migration::drive::socket::Socket;
use crate::migration::drive::tls::{Client, Ending};
use crate::migration::drive::{MigrationError, announced, handover};
use crate::migration::parameter::ZeroPages;
use crate::migration::policy::DirtyLimit;
use crate::migration::source::{Done, SourceAction, SourceConfig};
use crate::migration::status::{MigrationStatus, Statistics};
use crate::migration::uri::Uri;

#[derive(Debug)]
pub(super) struct Connection {
    saver: Saver,
    /// The channel for requested pages.
    preempt: Option<Preempt>,
    /// The address, to which the other channels connect, too.
    uri: Uri,
    /// Closes the connection when it is dropped, after the saver.
    channel: Channel,
}

impl<H: Host> Outgoing<'_, H> {
    pub(super) fn execute(&mut self, action: &SourceAction) -> Result<Done, MigrationError> {
        match action {
            SourceAction::Connect => self.connect(),
            SourceAction::ConnectPreempt => self.connect_preempt(),
            SourceAction::HandOver => self.hand_over(),
            SourceAction::Close => {
                self.close();
                Ok(Done::default())
            }
            SourceAction::Stop => self.call_host("stop", H::stop),
            SourceAction::Resume => self.call_host("resume", H::resume),
            SourceAction::Throttle(percent) => {
                self.host.throttle(*percent);
                Ok(Done::default())
            }
            SourceAction::LimitWrites(limit) => {
                self.limit_writes(*limit);
                Ok(Done::default())
            }
            action => self.write(action),
        }
    }

    fn limit_writes(&mut self, limit: Option<DirtyLimit>) {
        if let Some(limiter) = &self.limiter {
            limiter.limit(limit);
        }
    }

    fn call_host(
        &mut self,
        context: &'static str,
        call: impl FnOnce(&mut H) -> Result<(), HostError>,
    ) -> Result<Done, MigrationError> {
        call(self.host).map_err(|error| MigrationError::new(context, &error))?;
        Ok(Done::default())
    }

    fn write(&mut self, action: &SourceAction) -> Result<Done, MigrationError> {
        let Some(Connection { saver, preempt, channel, .. }) = &mut self.connection else {
            return Err(MigrationError::new("connection", &"it is closed"));
        };
        self.is_postcopy |= matches!(action, SourceAction::Discard);
        // An end of the stream that was written in part leaves open who has the guest, so no command interrupts it.
        self.watch.writes(!matches!(action, SourceAction::End | SourceAction::Package { run: true }));
        let written = match action {
            SourceAction::Begin { commands } => {
                saver.begin(&announced::sent(self.host, self.source.config().capabilities), commands)
            }
            SourceAction::Send(command) => saver.command(command),
            SourceAction::Iterate { budget } => {
                saver.resize_xbzrle(self.source.parameters().xbzrle_cache_size);
                saver.iterate(*budget)
            }
            SourceAction::Capture => saver.capture(self.host, &self.configuration),
            SourceAction::Synchronize => Ok(saver.synchronize()),
            SourceAction::CompleteLive => saver.complete(),
            SourceAction::Devices => saver.devices(self.host, &self.configuration),
            SourceAction::Discard => saver.discard(),
            SourceAction::Package { run } => saver.package(self.host, &self.configuration, *run),
            SourceAction::Serve(requests) => match preempt {
                Some(preempt) => saver.requested_preempt(requests, preempt),
                None => saver.requested(requests),
            },
            SourceAction::EndPostcopy => {
                end_preempt(preempt.as_mut(), self.source.config()).and_then(|()| saver.end_postcopy())
            }
            SourceAction::Restore { block, received } => saver.restore(block, received),
            _ => saver.end(),
        };
        self.watch.writes(false);
        let ending = channel.ending();
        written.map_err(|error| MigrationError::new("stream", &explain(&error, ending.as_ref())))
    }

    fn connect(&mut self) -> Result<Done, MigrationError> {
        self.close();
        let link = self.link()?;
        let mut channel = link.open(&self.uri).map_err(|error| MigrationError::new("connection", &error))?;
        let output = channel.output.take().ok_or_else(|| MigrationError::new("connection", &"it is not writable"))?;
        self.connections += 1;
        if let Some(input) = channel.input.take().filter(|_| self.source.has_return_path()) {
            let (sender, number, ending) = (self.sender.clone(), self.connections, channel.ending());
            thread::spawn(move || read_return_path(input, &sender, number, ending.as_ref()));
        }
        let memory = self.host.memory();
        let sending = self.connect_data(&link, &memory, &output)?;
        let sockets = || channel.socket().into_iter().chain(sending.iter().flat_map(Sending::sockets));
        // In postcopy, a requested page would wait for all bytes of the buffer.
        if !self.source.config().capabilities.has(Capability::PostcopyRam) {
            sockets().for_each(Socket::buffer_more);
        }
        self.watch.connected(sockets());
        let saver = match self.kept.take() {
            Some(mut saver) => {
                saver.reconnect(output);
                saver
            }
            None => self.saver(output, memory, sending, &channel),
        };
        self.connection = Some(Connection { saver, preempt: None, uri: self.uri.clone(), channel });
        Ok(Done::default())
    }

    /// Creates the stream to a channel.
    fn saver(&self, output: File, memory: HostMemory, sending: Option<Sending>, channel: &Channel) -> Saver {
        let capabilities = self.source.config().capabilities;
        let saver = match capabilities.has(Capability::BackgroundSnapshot) {
            true => Saver::in_background(output, memory),
            false => {
                let saver = Saver::new(output, memory, self.source.xbzrle_cache_size(), sending);
                saver.leave_out(self.source.config().left_out())
            }
        };
        match channel.place().filter(|_| capabilities.has(Capability::MappedRam)) {
            Some(start) => saver.placed_at(start),
            None => saver,
        }
    }

    /// Sends the descriptors of the memory.
    fn hand_over(&self) -> Result<Done, MigrationError> {
        let fail = |error| MigrationError::new("descriptors", &error);
        let config = self.source.config();
        let Some(uri) = &config.descriptors else { return Ok(Done::default()) };
        let (connect, progress) = (config.parameters.connect_timeout, config.parameters.progress_timeout);
        let socket = handover::connect(uri, connect, progress).map_err(fail)?;
        self.watch.connected(std::iter::once(&socket));
        self.watch.writes(true);
        let sent = handover::send(&socket, &self.host.memory(), progress);
        self.watch.writes(false);
        sent.map(|()| Done::default()).map_err(fail)
    }

    /// Connects the channel for requested pages.
    fn connect_preempt(&mut self) -> Result<Done, MigrationError> {
        let fail = |error: &dyn Display| MigrationError::new("channel for requested pages", &error);
        let link = self.link()?;
        let Some(Connection { preempt, uri, channel, .. }) = &mut self.connection else {
            return Err(fail(&"the connection is closed"));
        };
        let opened = link.open(uri).map_err(|error| fail(&error))?;
        self.watch.connected(channel.socket().into_iter().chain(opened.socket()));
        *preempt = Some(Preempt::new(opened).ok_or_else(|| fail(&"it is not writable"))?);
        Ok(Done::default())
    }

    /// Returns the properties of the connections to the current address.
    fn link(&self) -> Result<Link, MigrationError> {
        let parameters = self.source.parameters();
        let (connect, progress) = (parameters.connect_timeout, parameters.progress_timeout);
        let client = Client::new(self.source.config(), &self.uri);
        let client = client.map_err(|error| MigrationError::new("connection", &error))?;
        Ok(Link { connect, progress, client })
    }

    /// Connects the data channels, with the capability `multifd`. Data channels of a file write `output`.
    fn connect_data(&self, link: &Link, memory: &HostMemory, output: &File) -> Result<Option<Sending>, MigrationError> {
        let config = self.source.config();
        if !config.capabilities.has(Capability::Multifd) {
            return Ok(None);
        }
        let parameters = &config.parameters;
        let fail = |error| MigrationError::new("data channel", &error);
        if config.capabilities.has(Capability::MappedRam) {
            let direct = self.uri.file_path().filter(|_| parameters.direct_io);
            let sending = Sending::to_file(output, parameters.multifd_channels, memory, direct);
            return sending.map(Some).map_err(fail);
        }
        let zero_pages = match parameters.zero_page_detection {
            ZeroPages::Multifd if config.multifd_legacy_zero => ZeroPages::Legacy,
            other => other,
        };
        let options = SendOptions { parameters, zero_pages, at_section_ends: config.multifd_section_flush };
        let sending = Sending::connect(&self.uri, link, options, self.host.uuid(), memory);
        sending.map(Some).map_err(fail)
    }

    fn close(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            self.watch.connected(std::iter::empty());
            let Statistics { status, error, .. } = self.statistics();
            // The program of `exec:` need not end before the guest continues.
            if error.is_some() || status == MigrationStatus::Cancelling {
                connection.channel.abort();
            }
            let Connection { mut saver, preempt, channel, .. } = connection;
            drop((preempt, channel));
            // A source in doubt may learn that the guest runs on the destination and lacks pages.
            if self.is_postcopy && !self.source.is_finished() {
                self.kept = Some(saver);
            } else {
                saver.clean_up();
            }
        }
    }
}

/// Ends the channel for requested pages, if the destination expects its end (`postcopy_preempt_shutdown_file` in QEMU's
/// `migration/postcopy-ram.c`).
fn end_preempt(preempt: Option<&mut Preempt>, config: &SourceConfig) -> Result<(), SaveError> {
    preempt.filter(|_| config.preempt_at_setup).map_or(Ok(()), Preempt::end)
}

/// Passes the bytes of a return path on, until it ends.
fn read_return_path(mut input: File, sender: &Sender<Message>, number: u64, ending: Option<&Ending>) {
    let mut buffer = [0; 4096];
    let reason = loop {
        match input.read(&mut buffer) {
            Ok(0) => break "the destination has closed the connection".to_owned(),
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                if sender.send(Message::Received(number, Instant::now(), bytes)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => break format!("connection lost: {error}"),
        }
    };
    let _ = sender.send(Message::Lost(number, explain(&reason, ending)));
}
