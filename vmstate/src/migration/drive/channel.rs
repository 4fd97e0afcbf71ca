//! Connections: sockets, programs and files.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::migration::uri::{TcpAddress, Uri};

/// A connection. Both directions are files, because sockets and pipes are read and written in the same way.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) input: Option<File>,
    pub(super) output: Option<File>,
    socket: Option<Socket>,
    /// The program of `exec:`.
    child: Option<Child>,
}

/// A socket, for options and for shutting it down while another thread reads it.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn file(&self) -> io::Result<File> {
        Ok(match self {
            Self::Tcp(socket) => File::from(OwnedFd::from(socket.try_clone()?)),
            Self::Unix(socket) => File::from(OwnedFd::from(socket.try_clone()?)),
        })
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(socket) => Self::Tcp(socket.try_clone()?),
            Self::Unix(socket) => Self::Unix(socket.try_clone()?),
        })
    }

    pub(super) fn shut_down(&self) {
        // The peer may have closed it already.
        let _ = match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Both),
            Self::Unix(socket) => socket.shutdown(Shutdown::Both),
        };
    }

    pub(super) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        // Zero is rejected by the standard library: it would mean to wait for ever.
        let timeout = timeout.map(|timeout| timeout.max(Duration::from_millis(1)));
        match self {
            Self::Tcp(socket) => socket.set_read_timeout(timeout),
            Self::Unix(socket) => socket.set_read_timeout(timeout),
        }
    }

    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_write_timeout(Some(timeout)),
            Self::Unix(socket) => socket.set_write_timeout(Some(timeout)),
        }
    }

    /// Returns and clears the pending error, such as a reset.
    fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Self::Tcp(socket) => socket.take_error(),
            Self::Unix(socket) => socket.take_error(),
        }
    }
}

impl Channel {
    fn of_socket(socket: Socket, progress: Duration) -> io::Result<Self> {
        if let Socket::Tcp(tcp) = &socket {
            tcp.set_nodelay(true)?;
        }
        socket.set_write_timeout(progress)?;
        let (input, output) = (Some(socket.file()?), Some(socket.file()?));
        Ok(Self { input, output, socket: Some(socket), child: None })
    }

    fn of_file(file: File, output: bool) -> Self {
        let (input, output) = if output { (None, Some(file)) } else { (Some(file), None) };
        Self { input, output, socket: None, child: None }
    }

    /// Connects to a destination.
    pub(super) fn connect(uri: &Uri, timeout: Duration, progress: Duration) -> io::Result<Self> {
        match uri {
            Uri::Tcp(address) => Self::of_socket(Socket::Tcp(connect_tcp(address, timeout)?), progress),
            Uri::Unix(path) => Self::of_socket(Socket::Unix(UnixStream::connect(path)?), progress),
            Uri::Exec(arguments) => Self::run(arguments),
            Uri::File { path, offset } => {
                // Bytes before the offset belong to others (`file_start_outgoing_migration` in QEMU's `migration/file.c`).
                let mut file = OpenOptions::new().write(true).create(true).truncate(*offset == 0).open(path)?;
                file.seek(SeekFrom::Start(*offset))?;
                Ok(Self::of_file(file, true))
            }
            Uri::Fd(name) => open_descriptor(name, true),
            Uri::Vsock { .. } | Uri::Defer => Err(unsupported(uri)),
        }
    }

    /// Runs a program, whose standard input and output are the connection. Only one of them is used by most programs.
    fn run(arguments: &[String]) -> io::Result<Self> {
        let (program, rest) = arguments.split_first().ok_or(ErrorKind::InvalidInput)?;
        let mut child = Command::new(program).args(rest).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdin.take().map(|pipe| File::from(OwnedFd::from(pipe)));
        let input = child.stdout.take().map(|pipe| File::from(OwnedFd::from(pipe)));
        Ok(Self { input, output, socket: None, child: Some(child) })
    }

    /// Returns the socket, if the connection is one.
    pub(super) fn socket(&self) -> Option<&Socket> {
        self.socket.as_ref()
    }

    /// Checks that the peer has not reset the connection, after its end was read.
    pub(super) fn check_closed(&self) -> io::Result<()> {
        match self.socket.as_ref().map(Socket::take_error).transpose()?.flatten() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            socket.shut_down();
        }
        (self.input, self.output) = (None, None);
        if let Some(child) = &mut self.child {
            // QEMU ignores the exit status, too (`qio_channel_command_close` in `io/channel-command.c`).
            let _ = child.wait();
        }
    }
}

fn unsupported(uri: &Uri) -> io::Error {
    io::Error::new(ErrorKind::Unsupported, format!("transport `{}` is not implemented here", uri.scheme()))
}

/// Opens a file descriptor of this process by its number.
fn open_descriptor(name: &str, output: bool) -> io::Result<Channel> {
    let number: u32 = name.parse().map_err(|_| {
        io::Error::new(ErrorKind::InvalidInput, format!("expected the number of a descriptor, found `{name}`"))
    })?;
    let path = format!("/proc/self/fd/{number}");
    let file = OpenOptions::new().read(!output).write(output).open(path)?;
    Ok(Channel::of_file(file, output))
}

fn connect_tcp(address: &TcpAddress, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for resolved in resolve(address)? {
        match TcpStream::connect_timeout(&resolved, timeout) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn resolve(address: &TcpAddress) -> io::Result<impl Iterator<Item = std::net::SocketAddr>> {
    let port: u16 = address.port.parse().map_err(|_| {
        io::Error::new(ErrorKind::InvalidInput, format!("expected a port number, found `{}`", address.port))
    })?;
    let host = if address.host.is_empty() { "0.0.0.0" } else { &address.host };
    let (ipv4, ipv6) = (address.ipv4 != Some(false), address.ipv6 != Some(false));
    let resolved = (host, port).to_socket_addrs()?;
    Ok(resolved.filter(move |address| if address.is_ipv4() { ipv4 } else { ipv6 }))
}

/// A listener, or an input that needs none.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, String),
    Other(Uri),
}

/// The time between two looks for a connection. It delays only the start.
const POLL: Duration = Duration::from_millis(5);

impl Listener {
    pub(super) fn new(uri: &Uri) -> io::Result<Self> {
        Ok(match uri {
            Uri::Tcp(address) => {
                let addresses: Vec<_> = resolve(address)?.collect();
                Self::Tcp(TcpListener::bind(&addresses[..])?)
            }
            Uri::Unix(path) => Self::Unix(UnixListener::bind(path)?, path.clone()),
            Uri::Exec(_) | Uri::File { .. } | Uri::Fd(_) => Self::Other(uri.clone()),
            Uri::Vsock { .. } | Uri::Defer => return Err(unsupported(uri)),
        })
    }

    /// Returns the address with the port that the system has chosen.
    pub(super) fn address(&self) -> io::Result<Uri> {
        Ok(match self {
            Self::Tcp(listener) => {
                let address = listener.local_addr()?;
                Uri::Tcp(TcpAddress::new(address.ip().to_string(), address.port().to_string()))
            }
            Self::Unix(_, path) => Uri::Unix(path.clone()),
            Self::Other(uri) => uri.clone(),
        })
    }

    /// Waits for a connection until `until` returns `true`.
    pub(super) fn accept(&self, progress: Duration, until: impl Fn() -> bool) -> io::Result<Option<Channel>> {
        loop {
            let accepted = match self {
                Self::Tcp(listener) => {
                    listener.set_nonblocking(true)?;
                    listener.accept().and_then(|(socket, _)| {
                        socket.set_nonblocking(false)?;
                        Ok(Socket::Tcp(socket))
                    })
                }
                Self::Unix(listener, _) => {
                    listener.set_nonblocking(true)?;
                    listener.accept().and_then(|(socket, _)| {
                        socket.set_nonblocking(false)?;
                        Ok(Socket::Unix(socket))
                    })
                }
                Self::Other(uri) => return open_input(uri).map(Some),
            };
            match accepted {
                Ok(socket) => return Channel::of_socket(socket, progress).map(Some),
                Err(error) if error.kind() == ErrorKind::WouldBlock && !until() => thread::sleep(POLL),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // As QEMU does; the path may be gone.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn open_input(uri: &Uri) -> io::Result<Channel> {
    match uri {
        Uri::Exec(arguments) => Channel::run(arguments),
        Uri::File { path, offset } => {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(*offset))?;
            Ok(Channel::of_file(file, false))
        }
        Uri::Fd(name) => open_descriptor(name, false),
        other => Err(unsupported(other)),
    }
}

/// Returns the time until a deadline.
pub(super) fn until(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}
