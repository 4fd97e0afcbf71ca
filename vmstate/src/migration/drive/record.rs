//! Records the conversation of two peers: a proxy that adds, drops and changes nothing.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::MigrationError;
use super::channel::Channel;
use super::listener::Listener;
use super::socket::Socket;
use crate::migration::conversation::{ConversationWriter, Entry, EntryEvent, Explainer, Explanation, MigrationOutcome};
use crate::migration::{Side, Uri};

/// The number of bytes that are forwarded at once, in each direction of each connection.
const BUFFER: usize = 256 << 10;
/// The number of entries that wait to be explained: at most 16 MiB. More delay the conversation.
const QUEUE: usize = 64;
/// The time after which a peer that accepts no byte is dead. The peers have their own, shorter deadlines.
const PROGRESS: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The time in which the destination must accept a connection.
const CONNECT: Duration = Duration::from_secs(60);

/// A proxy between a source and a destination that records their conversation.
///
/// Each connection of the source is connected to the destination. Bytes are written to the file before they are
/// forwarded, so the file contains everything that was forwarded, even after the recorder is killed. Each direction ends
/// when its sender ends it.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{Shutdown, TcpListener, TcpStream};
/// use vmstate::migration::conversation::MigrationOutcome;
/// use vmstate::migration::{Recording, Uri};
///
/// let destination = TcpListener::bind("127.0.0.1:0")?;
/// let address: Uri = format!("tcp:{}", destination.local_addr()?).parse()?;
/// let recording = Recording::listen(&"tcp:127.0.0.1:0".parse()?, &address)?;
/// let Uri::Tcp(listener) = recording.address() else { unreachable!() };
/// let mut source = TcpStream::connect(format!("{}:{}", listener.host, listener.port))?;
/// source.write_all(b"QEVM\0\0\0\x03\0")?;
/// source.shutdown(Shutdown::Write)?;
/// let peer = std::thread::spawn(move || destination.accept()?.0.read_to_end(&mut Vec::new()));
///
/// let mut file = Vec::new();
/// let explanation = recording.run(&mut file, || false, |_| {})?;
/// assert_eq!((peer.join().unwrap()?, explanation.outcome), (9, MigrationOutcome::Completed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Recording {
    listener: Listener,
    destination: Uri,
}

/// The file, and the queue of the entries that are explained.
struct Log<W> {
    file: ConversationWriter<W>,
    /// The first error of the file. The conversation goes on without it.
    failure: Option<io::Error>,
    /// The entries to explain, until the conversation has ended.
    queue: Option<SyncSender<OwnedEntry>>,
    /// The number of entries.
    entries: u64,
    start: Instant,
    /// The number of open connections.
    open: usize,
    connections: u32,
}

/// An entry with its bytes, for the thread that explains it.
struct OwnedEntry {
    at: Duration,
    connection: u32,
    event: OwnedEvent,
}

enum OwnedEvent {
    Started(Duration),
    Connected,
    Bytes(Side, Vec<u8>),
    End(Side),
    Lost(Side, String),
}

/// The explanation of the entries so far. Decoding is slower than forwarding, so another thread does it.
#[derive(Default)]
struct Explaining {
    explainer: Explainer,
    /// The number of explained entries.
    entries: u64,
}

impl Recording {
    /// Listens for a source. The destination's address is used when the source connects.
    ///
    /// # Errors
    /// Returns an error if the addresses are not addresses of sockets, or this one is in use.
    pub fn listen(listen: &Uri, destination: &Uri) -> Result<Self, MigrationError> {
        if let Some(other) = [listen, destination].into_iter().find(|uri| !is_socket(uri)) {
            let reason = format!("expected an address `tcp:`, `unix:` or `vsock:`, found `{other}`");
            return Err(MigrationError::new("cannot record", &reason));
        }
        let listener = Listener::new(listen).map_err(|error| MigrationError::new("cannot listen", &error))?;
        Ok(Self { listener, destination: destination.clone() })
    }

    /// Returns the address of the listener, with the port that the system has chosen.
    #[must_use]
    pub fn address(&self) -> &Uri {
        self.listener.address()
    }

    /// Forwards and records connections until the migration has ended, and explains it.
    ///
    /// Interrupted postcopy has not ended: its recovery makes another connection. After `stop` returns `true`, no
    /// connection is accepted, and open ones go on until they end. `watch` is called about every 50 ms.
    ///
    /// # Errors
    /// Returns an error if connections cannot be accepted, or the file cannot be written. In the second case the migration
    /// was forwarded to its end.
    pub fn run(
        self,
        file: impl Write + Send,
        stop: impl Fn() -> bool,
        watch: impl Fn(&Explainer),
    ) -> Result<Explanation, MigrationError> {
        let failed = |error: io::Error| MigrationError::new("cannot write the conversation", &error);
        let (queue, entries) = mpsc::sync_channel(QUEUE);
        let log = Mutex::new(Log::new(file, queue).map_err(failed)?);
        let explaining = Mutex::new(Explaining::default());
        let accepted = thread::scope(|scope| {
            let explaining = &explaining;
            scope.spawn(move || explain(explaining, entries));
            let accepted = self.forward(&log, explaining, &stop, &watch);
            lock(&log).queue = None;
            accepted
        });
        accepted.map_err(|error| MigrationError::new("cannot accept a connection", &error))?;
        match log.into_inner().unwrap_or_else(PoisonError::into_inner).failure {
            Some(error) => Err(failed(error)),
            None => Ok(explaining.into_inner().unwrap_or_else(PoisonError::into_inner).explainer.explain()),
        }
    }

    fn forward<W: Write + Send>(
        &self,
        log: &Mutex<Log<W>>,
        explaining: &Mutex<Explaining>,
        stop: &impl Fn() -> bool,
        watch: &impl Fn(&Explainer),
    ) -> io::Result<()> {
        let is_over = || {
            let (log, explaining) = (lock(log), lock(explaining));
            watch(&explaining.explainer);
            stop() || log.is_over(&explaining)
        };
        thread::scope(|scope| {
            while let Some(source) = self.listener.accept(PROGRESS, is_over)? {
                let number = lock(log).connect();
                match Channel::connect(&self.destination, CONNECT, PROGRESS) {
                    Ok(destination) => {
                        scope.spawn(move || forward(log, number, &source, &destination));
                    }
                    Err(error) => lock(log).lose(number, &error),
                }
            }
            Ok(())
        })
    }
}

pub(super) fn is_socket(uri: &Uri) -> bool {
    matches!(uri, Uri::Tcp(_) | Uri::Unix(_) | Uri::Vsock { .. })
}

/// Explains entries until the conversation has ended.
fn explain(explaining: &Mutex<Explaining>, entries: Receiver<OwnedEntry>) {
    for entry in entries {
        let mut explaining = lock(explaining);
        explaining.explainer.entry(&entry.borrowed());
        explaining.entries += 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<W: Write> Log<W> {
    fn new(file: W, queue: SyncSender<OwnedEntry>) -> io::Result<Self> {
        let (file, queue, start) = (ConversationWriter::new(file)?, Some(queue), Instant::now());
        let mut log = Self { file, failure: None, queue, entries: 0, start, open: 0, connections: 0 };
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        log.note(0, EntryEvent::Started(clock));
        Ok(log)
    }

    fn note(&mut self, connection: u32, event: EntryEvent<'_>) {
        let entry = Entry { at: self.start.elapsed(), connection, event };
        if self.failure.is_none() {
            self.failure = self.file.write(&entry).err();
        }
        self.entries += 1;
        if let Some(queue) = &self.queue {
            // Fails only if the thread has panicked, and the recording panics at its end.
            let _ = queue.send(OwnedEntry::from(&entry));
        }
    }

    fn connect(&mut self) -> u32 {
        let number = self.connections;
        self.connections = number.saturating_add(1);
        self.open += 1;
        self.note(number, EntryEvent::Connected);
        number
    }

    /// Notes that the destination does not accept a connection.
    fn lose(&mut self, number: u32, error: &io::Error) {
        self.note(number, EntryEvent::Lost(Side::Destination, &error.to_string()));
        self.open -= 1;
    }

    /// Returns whether the migration has ended.
    fn is_over(&self, explaining: &Explaining) -> bool {
        let is_explained = self.open == 0 && self.connections > 0 && self.entries == explaining.entries;
        is_explained && explaining.explainer.explain().outcome != MigrationOutcome::Paused
    }
}

impl From<&Entry<'_>> for OwnedEntry {
    fn from(entry: &Entry<'_>) -> Self {
        let event = match entry.event {
            EntryEvent::Started(clock) => OwnedEvent::Started(clock),
            EntryEvent::Connected => OwnedEvent::Connected,
            EntryEvent::Bytes(side, bytes) => OwnedEvent::Bytes(side, bytes.to_vec()),
            EntryEvent::End(side) => OwnedEvent::End(side),
            EntryEvent::Lost(side, message) => OwnedEvent::Lost(side, message.to_owned()),
        };
        Self { at: entry.at, connection: entry.connection, event }
    }
}

impl OwnedEntry {
    fn borrowed(&self) -> Entry<'_> {
        let event = match &self.event {
            OwnedEvent::Started(clock) => EntryEvent::Started(*clock),
            OwnedEvent::Connected => EntryEvent::Connected,
            OwnedEvent::Bytes(side, bytes) => EntryEvent::Bytes(*side, bytes),
            OwnedEvent::End(side) => EntryEvent::End(*side),
            OwnedEvent::Lost(side, message) => EntryEvent::Lost(*side, message),
        };
        Entry { at: self.at, connection: self.connection, event }
    }
}

/// A side's connection, shared by the threads of both directions.
#[derive(Clone, Copy)]
struct Peer<'a> {
    side: Side,
    socket: &'a Socket,
    file: &'a File,
}

impl<'a> Peer<'a> {
    fn new(side: Side, channel: &'a Channel) -> Option<Self> {
        Some(Self { side, socket: channel.socket()?, file: channel.input.as_ref()? })
    }
}

/// Forwards both directions of a connection to their ends.
fn forward<W: Write + Send>(log: &Mutex<Log<W>>, number: u32, source: &Channel, destination: &Channel) {
    let peers = (Peer::new(Side::Source, source), Peer::new(Side::Destination, destination));
    if let (Some(source), Some(destination)) = peers {
        thread::scope(|scope| {
            scope.spawn(move || pump(log, number, destination, source));
            pump(log, number, source, destination);
        });
    }
    lock(log).open -= 1;
}

/// Forwards one direction to its end.
fn pump<W: Write>(log: &Mutex<Log<W>>, number: u32, from: Peer<'_>, to: Peer<'_>) {
    match copy(log, number, from, to) {
        Ok(()) => {
            lock(log).note(number, EntryEvent::End(from.side));
            to.socket.stop_writing();
        }
        Err((lost, error)) => {
            lock(log).note(number, EntryEvent::Lost(lost, &error.to_string()));
            if lost == from.side {
                to.socket.shut_down();
            } else {
                // The sender learns of it with its next write, as without the proxy.
                from.socket.stop_reading();
            }
        }
    }
}

/// Copies all bytes. Returns the side whose connection has failed.
fn copy<W: Write>(log: &Mutex<Log<W>>, number: u32, from: Peer<'_>, to: Peer<'_>) -> Result<(), (Side, io::Error)> {
    let mut buffer = vec![0; BUFFER];
    let (mut input, mut output) = (from.file, to.file);
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                lock(log).note(number, EntryEvent::Bytes(from.side, bytes));
                output.write_all(bytes).map_err(|error| (to.side, error))?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err((from.side, error)),
        }
    }
}
