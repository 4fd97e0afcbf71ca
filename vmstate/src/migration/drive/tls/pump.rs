//! The thread of an encrypted channel.

use std::fs::File;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::Connection;

use super::ending::Ending;
use super::explain::explain;
use super::handshake::{is_temporary, linger, timespec, transmit};

/// The bytes that are encrypted or decrypted at once. A channel holds at most about three times as many.
const BATCH: usize = 256 << 10;
/// The longest time to wait for the end of a peer to which everything was sent.
const LINGER: Duration = Duration::from_secs(5);

/// Encrypts the bytes of a local socket, and decrypts the bytes of a connection, until both have ended.
pub(super) struct Pump {
    connection: Connection,
    network: File,
    plain: UnixStream,
    /// Decrypted bytes, of which the first `delivered` were written to the local socket.
    decrypted: Vec<u8>,
    delivered: usize,
    /// Bytes of the connection, or bytes of the local socket.
    buffer: Vec<u8>,
    state: State,
    progress: Duration,
    ending: Ending,
}

#[derive(Default)]
struct State {
    /// The migration writes nothing more.
    plain_ended: bool,
    /// The migration reads nothing more.
    unread: bool,
    /// The migration has closed the channel, and everything must be sent until this time.
    closed: Option<Instant>,
    network_ended: bool,
    notified: bool,
    sent: bool,
    received: bool,
}

impl Pump {
    pub(super) fn new(
        connection: Connection,
        network: File,
        plain: UnixStream,
        progress: Duration,
        ending: Ending,
    ) -> Self {
        let (decrypted, buffer) = (Vec::with_capacity(BATCH), vec![0; BATCH]);
        Self { connection, network, plain, decrypted, delivered: 0, buffer, state: State::default(), progress, ending }
    }

    /// Forwards both directions. `sent` is dropped when everything was sent.
    pub(super) fn run(mut self, sent: Sender<()>) {
        // It is sent in batches, so it holds at most one.
        self.connection.set_buffer_limit(None);
        let forwarded = self.forward(sent);
        if let Err(reason) = &forwarded {
            self.ending.fail(reason.clone());
            // The alert with the reason.
            let _ = transmit(&mut self.connection, &mut self.network);
        }
        let _ = self.plain.shutdown(Shutdown::Both);
        if forwarded.is_ok() && !self.state.network_ended {
            linger(&mut self.network, Instant::now() + LINGER.min(self.progress));
        }
    }

    fn forward(&mut self, sent: Sender<()>) -> Result<(), String> {
        let mut sent = Some(sent);
        // The end of the handshake may have been followed by data.
        self.decrypt()?;
        self.deliver();
        while !(self.state.sent && self.state.received) {
            if self.wait().map_err(|error| error.to_string())? {
                self.receive()?;
            }
            self.deliver();
            self.encrypt().map_err(|error| error.to_string())?;
            self.send()?;
            if self.state.sent {
                sent = None;
            }
        }
        drop(sent);
        Ok(())
    }

    /// Waits until something can be done. Returns whether encrypted bytes may have arrived.
    ///
    /// An open channel is waited for as long as the migration waits, whose deadlines close it.
    fn wait(&mut self) -> io::Result<bool> {
        let (network, plain) = (self.network_events(), self.plain_events());
        let timeout = match self.state.closed {
            Some(deadline) => match deadline.saturating_duration_since(Instant::now()) {
                Duration::ZERO => return Err(io::Error::new(ErrorKind::TimedOut, "the peer does not read")),
                left => Some(left),
            },
            None => None,
        };
        let timeout: Option<Timespec> = timeout.map(timespec);
        let mut descriptors = Vec::with_capacity(2);
        // Without requested events, an error of the connection would end each wait.
        if !network.is_empty() {
            descriptors.push(PollFd::new(&self.network, network));
        }
        let watches = !plain.is_empty() || self.state.closed.is_none();
        if watches {
            descriptors.push(PollFd::new(&self.plain, plain));
        }
        match poll(&mut descriptors, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_closed = watches && descriptors.last().is_some_and(|plain| plain.revents().contains(PollFlags::HUP));
        let network_events =
            descriptors.first().filter(|_| !network.is_empty()).map_or(PollFlags::empty(), PollFd::revents);
        if is_closed && self.state.closed.is_none() {
            self.state.closed = Some(Instant::now() + self.progress);
            self.state.unread = true;
            self.state.received = true;
        }
        Ok(network_events.intersects(PollFlags::IN | PollFlags::ERR | PollFlags::HUP))
    }

    fn network_events(&self) -> PollFlags {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, !self.state.network_ended && self.decrypted.is_empty());
        events.set(PollFlags::OUT, self.connection.wants_write());
        events
    }

    fn plain_events(&self) -> PollFlags {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, !self.state.plain_ended && !self.connection.wants_write());
        events.set(PollFlags::OUT, !self.decrypted.is_empty());
        events
    }

    /// Reads and decrypts bytes that have arrived. rustls itself reads only 4 KiB at once.
    fn receive(&mut self) -> Result<(), String> {
        let count = match self.network.read(&mut self.buffer) {
            Ok(count) => count,
            Err(error) if is_temporary(&error) => return Ok(()),
            Err(error) => return Err(format!("connection lost: {error}")),
        };
        let mut used = 0;
        loop {
            let mut rest = self.buffer.get(used..count).unwrap_or_default();
            // An empty rest is the end of the connection.
            used += self.connection.read_tls(&mut rest).map_err(|error| error.to_string())?;
            self.connection.process_new_packets().map_err(|error| explain(&error))?;
            self.decrypt()?;
            if used >= count || self.state.network_ended {
                self.state.network_ended |= count == 0;
                return Ok(());
            }
        }
    }

    /// Takes all bytes that were decrypted.
    fn decrypt(&mut self) -> Result<(), String> {
        let mut reader = self.connection.reader();
        loop {
            let count = match reader.fill_buf() {
                Ok([]) => {
                    self.state.network_ended = true;
                    return Ok(());
                }
                Ok(bytes) => {
                    self.decrypted.extend_from_slice(bytes);
                    bytes.len()
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The stream has its own end marks, and a QEMU's main channel always ends in this way.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.ending.truncate();
                    return Ok(());
                }
                Err(error) => return Err(error.to_string()),
            };
            reader.consume(count);
        }
    }

    /// Writes decrypted bytes to the local socket, as far as it accepts them.
    fn deliver(&mut self) {
        while !self.state.unread && self.delivered < self.decrypted.len() {
            match self.plain.write(self.decrypted.get(self.delivered..).unwrap_or_default()) {
                Ok(count) => self.delivered += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.state.unread = true,
            }
        }
        self.decrypted.clear();
        self.delivered = 0;
        if self.state.network_ended && !self.state.received {
            self.state.received = true;
            let _ = self.plain.shutdown(Shutdown::Write);
        }
    }

    /// Encrypts the next bytes of the local socket, after the last ones were sent.
    fn encrypt(&mut self) -> io::Result<()> {
        if self.state.plain_ended || self.connection.wants_write() {
            return Ok(());
        }
        match self.plain.read(&mut self.buffer) {
            Ok(0) => self.state.plain_ended = true,
            Ok(count) => self.connection.writer().write_all(self.buffer.get(..count).unwrap_or_default())?,
            Err(error) if is_temporary(&error) => {}
            // The migration has closed the channel without reading everything.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => self.state.plain_ended = true,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Sends encrypted bytes, and the end after the last ones.
    fn send(&mut self) -> Result<(), String> {
        self.transmit()?;
        if !self.state.plain_ended || self.state.sent || self.connection.wants_write() {
            return Ok(());
        }
        // A peer that has closed the connection does not read it, and would reset the connection.
        if !self.state.network_ended && !self.state.notified {
            self.state.notified = true;
            self.connection.send_close_notify();
            self.transmit()?;
        }
        if !self.connection.wants_write() {
            // The peer may have closed the connection already.
            let _ = rustix::net::shutdown(&self.network, rustix::net::Shutdown::Write);
            self.state.sent = true;
        }
        Ok(())
    }

    fn transmit(&mut self) -> Result<(), String> {
        let Err(error) = transmit(&mut self.connection, &mut self.network) else { return Ok(()) };
        // A peer that has closed the connection may have sent the reason before.
        let reason = self.receive().err();
        self.deliver();
        Err(reason.unwrap_or_else(|| format!("connection lost: {error}")))
    }
}
