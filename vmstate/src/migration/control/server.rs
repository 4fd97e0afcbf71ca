//! A monitor on a Unix socket.

use std::fs;
use std::io::{self, ErrorKind, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::super::{Capability, Event, QemuRelease};
use super::command::MonitorCommand;
use super::event::MonitorEvent;
use super::execute::execute;
use super::monitor::Monitor;
use super::operations::Operations;
use super::settings::Settings;

/// A QMP server on a Unix socket, for one client at a time.
///
/// It has no thread and never waits: the program calls [`poll`](Self::poll) from its own loop, on the thread that owns the
/// machine. [`fds`](Self::fds) are the descriptors whose readiness a loop can wait for.
///
/// ```no_run
/// # use vmstate::migration::control::{Operations, Server, Settings};
/// # use vmstate::migration::QemuRelease;
/// # fn example(board: &mut impl Operations) -> std::io::Result<()> {
/// let mut settings = Settings::new(QemuRelease::V10_0);
/// let mut server = Server::listen("/run/board.qmp", settings.release)?;
/// loop {
///     // Run the guest for a while.
///     server.poll(&mut settings, board)?;
/// }
/// # }
/// ```
///
/// The socket belongs to the user that created it: its mode is 0600, and clients of other users, except for root, are
/// disconnected.
#[derive(Debug)]
pub struct Server {
    release: QemuRelease,
    /// Absent in a server of one connection.
    listener: Option<Listener>,
    client: Option<Client>,
}

#[derive(Debug)]
struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    monitor: Monitor,
    /// The descriptor that the client has passed last.
    descriptor: Option<OwnedFd>,
}

/// The number of descriptors that a message can pass. The kernel closes others.
const MAX_DESCRIPTORS: usize = 1;
/// The number of bytes that a poll reads at most, so that a client cannot keep the program from its guest.
const MAX_READ: usize = 16 << 10;

impl Server {
    /// Listens at `path`. A socket of an earlier server at this path is replaced.
    ///
    /// # Errors
    /// Returns an error if the socket cannot be created, or something other than a socket is at this path.
    pub fn listen(path: impl AsRef<Path>, release: QemuRelease) -> io::Result<Self> {
        let path = path.as_ref().to_path_buf();
        remove_socket(&path)?;
        let socket = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        socket.set_nonblocking(true)?;
        Ok(Self { release, listener: Some(Listener { socket, path }), client: None })
    }

    /// Serves one connection, such as a descriptor that the program has inherited.
    ///
    /// # Errors
    /// Returns an error if the connection cannot be made non-blocking.
    pub fn from_connection(stream: UnixStream, release: QemuRelease) -> io::Result<Self> {
        Ok(Self { release, listener: None, client: Some(Client::new(stream, release)?) })
    }

    /// Creates a server without clients, for a program whose monitor is optional.
    #[must_use]
    pub fn disconnected(release: QemuRelease) -> Self {
        Self { release, listener: None, client: None }
    }

    /// Returns whether a client is connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.is_some()
    }

    /// Returns whether replies or events wait for a client that does not read.
    pub(super) fn has_output(&self) -> bool {
        self.client.as_ref().is_some_and(|client| !client.monitor.transmit().is_empty())
    }

    /// Returns the descriptors that become readable when [`poll`](Self::poll) has work.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let listener = self.listener.as_ref().filter(|_| self.client.is_none());
        let client = self.client.as_ref().map(|client| client.stream.as_fd());
        client.into_iter().chain(listener.map(|listener| listener.socket.as_fd()))
    }

    /// Accepts a client, executes its commands, and sends replies and events, as far as possible without waiting.
    ///
    /// A client that fails, or that has stopped reading, is disconnected; the next one can connect.
    ///
    /// # Errors
    /// Returns an error if the listening socket fails.
    pub fn poll(&mut self, settings: &mut Settings, operations: &mut dyn Operations) -> io::Result<()> {
        if self.client.is_none() {
            self.client = self.accept()?;
        }
        if let Some(client) = &mut self.client {
            let alive = client.poll(settings, operations).unwrap_or(false);
            if !alive {
                self.client = None;
            }
        }
        Ok(())
    }

    /// Queues the event of a migration, if QEMU has one like it.
    pub fn migration_event(&mut self, event: &Event, settings: &Settings) {
        if let Some(event) = MonitorEvent::from_migration(event) {
            self.event(&event, settings);
        }
    }

    /// Queues an event. Events of migrations are sent only with the capability `events`.
    pub fn event(&mut self, event: &MonitorEvent, settings: &Settings) {
        if let Some(client) = &mut self.client {
            client.event(event, settings);
        }
    }

    /// Sends queued replies and events, for at most `timeout`. Call it before the program ends.
    pub fn flush(&mut self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        while let Some(client) = &mut self.client {
            let failed = client.write().is_err();
            if failed || client.monitor.transmit().is_empty() || Instant::now() >= deadline {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn accept(&self) -> io::Result<Option<Client>> {
        let Some(listener) = &self.listener else { return Ok(None) };
        match listener.socket.accept() {
            Ok((stream, _)) if is_permitted(&stream)? => Client::new(stream, self.release).map(Some),
            Ok(_) => Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionAborted) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A program that cannot remove its socket leaves it to the next server.
        let _ = fs::remove_file(&self.path);
    }
}

impl Client {
    fn new(stream: UnixStream, release: QemuRelease) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, monitor: Monitor::new(release), descriptor: None })
    }

    /// Returns whether the client is still connected.
    fn poll(&mut self, settings: &mut Settings, operations: &mut dyn Operations) -> io::Result<bool> {
        let open = self.read()?;
        while let Some(request) = self.monitor.next_request() {
            let result = match (request.command, self.descriptor.take()) {
                (MonitorCommand::GetDescriptor(name), Some(descriptor)) => {
                    operations.keep_descriptor(&name, descriptor).map(|()| serde_json::json!({}))
                }
                (command, _) => execute(command, settings, operations),
            };
            operations.take_events().iter().for_each(|event| self.event(event, settings));
            self.monitor.reply(request.id, result);
        }
        self.write()?;
        Ok(open && !self.monitor.is_stalled())
    }

    fn event(&mut self, event: &MonitorEvent, settings: &Settings) {
        let wanted = !event.needs_capability() || settings.capabilities.has(Capability::Events);
        if wanted {
            let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            self.monitor.event(event, time.unwrap_or_default());
        }
    }

    /// Reads the bytes that have arrived. Returns whether more can arrive.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; MAX_READ];
        match self.receive(&mut buffer) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.monitor.receive(buffer.get(..count).unwrap_or_default());
                Ok(true)
            }
            Err(error) if is_temporary(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Reads bytes, and the descriptors that came with them.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let buffers = &mut [IoSliceMut::new(buffer)];
        let received = recvmsg(&self.stream, buffers, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptor = descriptors.last().or(self.descriptor.take());
            }
        }
        Ok(received.bytes)
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.monitor.transmit().is_empty() {
            match self.stream.write(self.monitor.transmit()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.monitor.sent(count),
                Err(error) if is_temporary(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Removes the socket of an earlier server, and nothing else.
fn remove_socket(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => {
            Err(io::Error::new(ErrorKind::AlreadyExists, "a file that is not a socket is at this path; remove it"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns whether the client is a process of the same user or of root.
///
/// The mode of the socket has the same effect, but the umask determines it between `bind` and `chmod`.
#[cfg(target_os = "linux")]
fn is_permitted(stream: &UnixStream) -> io::Result<bool> {
    let credentials = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(credentials.uid.is_root() || credentials.uid == rustix::process::geteuid())
}

/// Returns `true`: only the mode of the socket protects it.
#[cfg(not(target_os = "linux"))]
fn is_permitted(_: &UnixStream) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use serde_json::{Value, json};

    use super::super::tests::Recorder;
    use super::*;

    /// Sends commands and returns everything that the client reads, one message per line.
    fn converse(server: &mut Server, client: &mut UnixStream, bytes: &[u8]) -> Vec<Value> {
        client.write_all(bytes).unwrap();
        let (mut settings, mut board) = (Settings::new(QemuRelease::V10_0), Recorder::default());
        server.poll(&mut settings, &mut board).unwrap();
        server.event(&MonitorEvent::Stop, &settings);
        server.poll(&mut settings, &mut board).unwrap();
        let mut buffer = vec![0; 1 << 20];
        let count = client.read(&mut buffer).unwrap();
        let text = String::from_utf8(buffer[..count].to_vec()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn clients_follow_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qmp");
        let mut server = Server::listen(&path, QemuRelease::V10_0).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for _ in 0..2 {
            let mut client = UnixStream::connect(&path).unwrap();
            let commands = br#"{"execute": "qmp_capabilities"}{"execute": "query-status", "id": 1}"#;
            let messages = converse(&mut server, &mut client, commands);
            assert!(messages[0].get("QMP").is_some());
            assert_eq!(messages[2], json!({"id": 1, "return": {"status": "running", "running": true}}));
            assert_eq!(messages[3]["event"], "STOP");
            drop(client);
            server.poll(&mut Settings::default(), &mut Recorder::default()).unwrap();
            assert!(!server.is_connected());
        }
        drop(server);
        assert!(!path.exists());
    }

    #[test]
    fn files_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "important").unwrap();
        Server::listen(&path, QemuRelease::V10_0).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "important");
    }

    #[test]
    fn client_that_never_reads_is_disconnected() {
        let (mut client, connection) = UnixStream::pair().unwrap();
        let mut server = Server::from_connection(connection, QemuRelease::V10_0).unwrap();
        let (mut settings, mut board) = (Settings::new(QemuRelease::V10_0), Recorder::default());
        client.write_all(br#"{"execute": "qmp_capabilities"}"#).unwrap();
        client.set_nonblocking(true).unwrap();
        for _ in 0..100_000 {
            if !server.is_connected() {
                return;
            }
            let _ = client.write(&br#"{"execute": "query-qmp-schema"}"#.repeat(100));
            server.poll(&mut settings, &mut board).unwrap();
        }
        panic!("the client is still connected");
    }
}
