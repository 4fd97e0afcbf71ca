//! Connections: sockets, programs and files.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use vmstate_types::LoadError;

use super::address;
use super::descriptor::{self, Kind};
use super::relay::Relay;
use super::socket::Socket;
use super::tls::{Client, Ending, Server, Tunnel};
use crate::migration::uri::Uri;

/// A connection. Both directions are files, because sockets and files are read and written in the same way.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) input: Option<File>,
    pub(super) output: Option<File>,
    socket: Option<Socket>,
    /// The encrypted connection to which the socket belongs.
    tunnel: Option<Tunnel>,
    /// The pipes of a program or descriptor.
    relay: Option<Relay>,
    /// The offset of the stream in the file, if the connection is one.
    place: Option<u64>,
}

/// The time limits and the encryption of the connections of a source.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) connect: Duration,
    pub(super) progress: Duration,
    pub(super) client: Option<Client>,
}

impl Link {
    /// Connects to a destination.
    pub(super) fn open(&self, uri: &Uri) -> io::Result<Channel> {
        let channel = Channel::connect(uri, self.connect, self.progress)?;
        match &self.client {
            Some(client) => channel.secure(self.progress, |socket| client.secure(socket)),
            None => Ok(channel),
        }
    }
}

impl Channel {
    /// Takes a connected socket. A peer that makes no progress for this time is dead.
    pub(super) fn of_socket(socket: OwnedFd, progress: Duration) -> io::Result<Self> {
        let socket = Socket::new(socket, progress)?;
        let (input, output) = (Some(socket.file()?), Some(socket.file()?));
        Ok(Self { input, output, socket: Some(socket), tunnel: None, relay: None, place: None })
    }

    /// Takes an encrypted connection, and the socket through which the migration uses it.
    pub(super) fn of_tunnel((tunnel, socket): (Tunnel, OwnedFd), progress: Duration) -> io::Result<Self> {
        let mut channel = Self::of_socket(socket, progress)?;
        channel.tunnel = Some(tunnel);
        Ok(channel)
    }

    /// Encrypts the connection.
    fn secure(
        mut self,
        progress: Duration,
        secure: impl FnOnce(OwnedFd) -> io::Result<(Tunnel, OwnedFd)>,
    ) -> io::Result<Self> {
        let Some(socket) = self.socket.take() else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "files are not encrypted; clear `tls-creds`"));
        };
        let relay = self.relay.take();
        let (tunnel, socket) = secure(socket.into())?;
        let mut channel = Self::of_socket(socket, progress)?;
        (channel.tunnel, channel.relay) = (Some(tunnel), relay);
        Ok(channel)
    }

    fn of_file(file: File, output: bool) -> Self {
        let (input, output) = if output { (None, Some(file)) } else { (Some(file), None) };
        Self { input, output, socket: None, tunnel: None, relay: None, place: None }
    }

    /// Takes a file in which the stream begins at `offset`.
    fn of_file_at(mut file: File, offset: u64, output: bool) -> io::Result<Self> {
        file.seek(SeekFrom::Start(offset))?;
        let mut channel = Self::of_file(file, output);
        channel.place = Some(offset);
        Ok(channel)
    }

    /// Takes the socket that is used in the place of pipes.
    fn of_relay((relay, socket): (Relay, OwnedFd), progress: Duration) -> io::Result<Self> {
        let mut channel = Self::of_socket(socket, progress)?;
        channel.relay = Some(relay);
        Ok(channel)
    }

    /// Connects to a destination.
    pub(super) fn connect(uri: &Uri, timeout: Duration, progress: Duration) -> io::Result<Self> {
        match uri {
            Uri::Tcp(address) => Self::of_socket(address::connect_tcp(address, timeout)?, progress),
            Uri::Unix(path) => Self::of_socket(address::connect_unix(path, timeout)?, progress),
            Uri::Vsock { cid, port } => Self::of_socket(address::connect_vsock(cid, port)?, progress),
            Uri::Exec(arguments) => Self::of_relay(Relay::run(arguments, progress)?, progress),
            Uri::File { path, offset } => {
                let file = create(path, *offset == 0)?;
                // Bytes before the offset belong to others, and everything from there on is replaced
                // (`file_start_outgoing_migration` in QEMU's `migration/file.c`). Devices have no length.
                if file.metadata()?.is_file() {
                    file.set_len(*offset)?;
                }
                Self::of_file_at(file, *offset, true)
            }
            Uri::Fd(name) => Self::of_descriptor(descriptor::duplicate(name)?, true, progress),
            Uri::Defer => Err(address::deferred()),
        }
    }

    /// Opens an input that needs no listener.
    pub(super) fn open(uri: &Uri, progress: Duration, server: Option<&Server>) -> io::Result<Self> {
        let channel = Self::open_plain(uri, progress)?;
        match server {
            Some(server) => channel.secure(progress, |socket| server.secure(socket)),
            None => Ok(channel),
        }
    }

    fn open_plain(uri: &Uri, progress: Duration) -> io::Result<Self> {
        match uri {
            Uri::Exec(arguments) => Self::of_relay(Relay::run(arguments, progress)?, progress),
            Uri::File { path, offset } => Self::of_file_at(open(path)?, *offset, false),
            Uri::Fd(name) => Self::of_descriptor(descriptor::duplicate(name)?, false, progress),
            other => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{other}` needs a listener"))),
        }
    }

    fn of_descriptor(descriptor: OwnedFd, output: bool, progress: Duration) -> io::Result<Self> {
        match descriptor::kind(descriptor)? {
            Kind::Socket(socket) => Self::of_socket(socket, progress),
            Kind::File(file) => Ok(Self::of_file(file, output)),
            Kind::Pipe(pipe) => {
                let (to, from) = if output { (Some(pipe), None) } else { (None, Some(pipe)) };
                Self::of_relay(Relay::new(to, from, progress)?, progress)
            }
        }
    }

    /// Returns the socket, if the connection is one.
    pub(super) fn socket(&self) -> Option<&Socket> {
        self.socket.as_ref()
    }

    /// Returns the offset of the stream in the file, if the connection is one with an address.
    pub(super) fn place(&self) -> Option<u64> {
        self.place
    }

    /// Checks that the peer has received everything, after its end was read.
    pub(super) fn check_closed(&self, deadline: Option<Instant>) -> io::Result<()> {
        if let Some(tunnel) = &self.tunnel {
            return tunnel.check_closed(deadline);
        }
        self.socket.as_ref().map_or(Ok(()), |socket| socket.await_acknowledged(deadline))
    }

    /// Closes a socket without ending its directions first, so that a peer whose bytes were not read finds a reset.
    #[cfg(feature = "schema")]
    pub(super) fn reset(mut self) {
        self.socket = None;
    }

    /// Does not wait for the program at the other end when the connection is closed.
    pub(super) fn abort(&mut self) {
        if let Some(relay) = &mut self.relay {
            relay.abort();
        }
        if let Some(tunnel) = &mut self.tunnel {
            tunnel.abort();
        }
    }

    /// Returns the reason of the end of an encrypted connection.
    pub(super) fn ending(&self) -> Option<Ending> {
        self.tunnel.as_ref().map(Tunnel::ending)
    }
}

/// Creates a file, or opens an existing one, with QEMU's message (`qemu_open_internal` in `util/osdep.c`). Only the user of
/// this process can read a new one: it contains the guest's memory.
fn create(path: &str, truncate: bool) -> io::Result<File> {
    let opened = OpenOptions::new().write(true).create(true).truncate(truncate).mode(0o600).open(path);
    opened.map_err(|error| address::with_context(format_args!("Could not create '{path}'"), &error))
}

fn open(path: &str) -> io::Result<File> {
    File::open(path).map_err(|error| address::with_context(format_args!("Could not open '{path}'"), &error))
}

/// Checks the address of a source that needs no peer, such as a file: a command can report its error at once. A pipe waits for
/// its reader.
#[cfg(feature = "control")]
pub(in crate::migration) fn check_output(uri: &Uri) -> io::Result<()> {
    match uri {
        Uri::Fd(name) => descriptor::duplicate(name).map(drop),
        Uri::File { path, .. } if !is_special(path) => create(path, false).map(drop),
        _ => Ok(()),
    }
}

/// Returns whether opening a file can wait, or has effects.
fn is_special(path: &str) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Checks the address of a destination that needs no source to listen.
pub(super) fn check_input(uri: &Uri) -> io::Result<()> {
    match uri {
        Uri::File { path, .. } if !is_special(path) => open(path).map(drop),
        _ => Ok(()),
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            socket.shut_down();
        }
        (self.input, self.output) = (None, None);
    }
}

/// The advice about a file that ends too early.
pub(super) const INCOMPLETE: &str =
    "the file is incomplete: its migration has not completed, or it was cut. Save the guest again";

/// Returns an error of a channel, with the reason of its end if it is encrypted.
pub(super) fn explain(error: &impl ToString, ending: Option<&Ending>) -> String {
    let error = error.to_string();
    match ending.and_then(Ending::reason) {
        Some(reason) => format!("{error} ({reason})"),
        None => error,
    }
}

/// Returns the error with its advice.
pub(super) fn with_advice(error: &LoadError) -> io::Error {
    io::Error::other(match error.advice() {
        Some(advice) => format!("{error}; {advice}"),
        None => error.to_string(),
    })
}

/// Returns the time until a deadline.
pub(super) fn until(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn only_the_user_reads_the_memory_in_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guest").display().to_string();
        let uri = Uri::File { path: path.clone(), offset: 0 };
        Channel::connect(&uri, Duration::ZERO, Duration::ZERO).unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn check_does_not_wait_for_the_reader_of_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        check_input(&Uri::File { path: path.display().to_string(), offset: 0 }).unwrap();
    }
}
