//! Listeners, and inputs that need none.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt;

use super::address;
use super::channel::{Channel, check_input};
use super::descriptor::{self, Kind};
use super::socket::{is_readable, wait_readable};
use super::tls::{Gate, Server};
use crate::migration::uri::{TcpAddress, Uri};

/// A listener, or an input that needs none, and the encryption of its connections.
#[derive(Debug)]
pub(super) struct Listener {
    input: Input,
    server: Option<Server>,
    gate: Option<Gate>,
}

#[derive(Debug)]
enum Input {
    Socket(ListeningSocket),
    Other(Uri),
}

#[derive(Debug)]
struct ListeningSocket {
    socket: OwnedFd,
    /// The address, with the port that the system has chosen.
    address: Uri,
}

/// The time between two looks for a command that ends the wait. A connection ends it at once.
pub(super) const POLL: Duration = Duration::from_millis(50);
/// The time between two looks at handshakes in progress.
const HANDSHAKE_POLL: Duration = Duration::from_millis(2);

impl Listener {
    pub(super) fn new(uri: &Uri) -> io::Result<Self> {
        let input = Input::new(uri)?;
        Ok(Self { input, server: None, gate: None })
    }

    /// Sets the encryption of the connections.
    pub(super) fn secure(mut self, server: Option<&Server>) -> Self {
        self.gate = server.map(Gate::new);
        self.server = server.cloned();
        self
    }

    /// Returns the address with the port that the system has chosen.
    pub(super) fn address(&self) -> &Uri {
        match &self.input {
            Input::Socket(listening) => &listening.address,
            Input::Other(uri) => uri,
        }
    }

    /// Returns whether a connection waits to be accepted, over which pages may have been sent.
    pub(super) fn has_waiting(&self) -> io::Result<bool> {
        match (&self.input, &self.gate) {
            (_, Some(gate)) => Ok(gate.has_waiting()),
            (Input::Socket(listening), None) => is_readable(&listening.socket),
            (Input::Other(_), None) => Ok(false),
        }
    }

    /// Returns whether connections were rejected.
    pub(super) fn has_rejections(&self) -> bool {
        self.gate.as_ref().is_some_and(Gate::has_rejections)
    }

    /// Returns the reasons of the connections that were rejected since the last call.
    pub(super) fn take_rejections(&self) -> Vec<String> {
        self.gate.as_ref().map_or(Vec::new(), Gate::take_rejections)
    }

    /// Waits for a connection until `until` returns `true`.
    pub(super) fn accept(&self, progress: Duration, until: impl Fn() -> bool) -> io::Result<Option<Channel>> {
        self.accept_within(progress, POLL, until)
    }

    /// Waits for a connection as [`accept`](Self::accept) does, and calls `until` at least each `pause`.
    pub(super) fn accept_within(
        &self,
        progress: Duration,
        pause: Duration,
        until: impl Fn() -> bool,
    ) -> io::Result<Option<Channel>> {
        let listening = match &self.input {
            Input::Socket(listening) => &listening.socket,
            Input::Other(uri) => return Channel::open(uri, progress, self.server.as_ref()).map(Some),
        };
        rustix::io::ioctl_fionbio(listening, true)?;
        loop {
            if let Some(tunnel) = self.gate.as_ref().and_then(Gate::take) {
                return Channel::of_tunnel(tunnel, progress).map(Some);
            }
            if !self.gate.as_ref().is_some_and(Gate::is_full)
                && let Some(socket) = accept_socket(listening)?
            {
                match &self.gate {
                    Some(gate) => gate.admit(socket),
                    None => return Channel::of_socket(socket, progress).map(Some),
                }
            }
            if until() {
                return Ok(None);
            }
            self.wait(listening, pause)?;
        }
    }

    fn wait(&self, listening: &OwnedFd, pause: Duration) -> io::Result<()> {
        match &self.gate {
            // The connections that wait would end the wait.
            Some(gate) if gate.is_full() => std::thread::sleep(HANDSHAKE_POLL),
            Some(gate) if gate.is_busy() => wait_readable(listening, HANDSHAKE_POLL)?,
            _ => wait_readable(listening, pause)?,
        }
        Ok(())
    }
}

/// Accepts a connection, if one waits.
fn accept_socket(listening: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    match rustix::net::accept(listening).map_err(io::Error::from) {
        Ok(socket) => {
            // Connections inherit these options from their listener on some systems.
            rustix::io::ioctl_fionbio(&socket, false)?;
            rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
            Ok(Some(socket))
        }
        Err(error) if is_temporary(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Input {
    fn new(uri: &Uri) -> io::Result<Self> {
        Ok(Self::Socket(match uri {
            Uri::Tcp(address) => {
                let listener = address::listen_tcp(address)?;
                let found = listener.local_addr()?;
                let address = Uri::Tcp(TcpAddress::new(found.ip().to_string(), found.port().to_string()));
                ListeningSocket { socket: listener.into(), address }
            }
            Uri::Unix(path) => ListeningSocket { socket: address::listen_unix(path)?.into(), address: uri.clone() },
            Uri::Vsock { cid, port } => {
                let (socket, port) = address::listen_vsock(cid, port)?;
                ListeningSocket { socket, address: Uri::Vsock { cid: cid.clone(), port: port.to_string() } }
            }
            Uri::Fd(name) => match descriptor::kind(descriptor::duplicate(name)?)? {
                Kind::Socket(socket) if sockopt::socket_acceptconn(&socket)? => {
                    ListeningSocket { socket, address: uri.clone() }
                }
                _ => return Ok(Self::Other(uri.clone())),
            },
            Uri::Exec(_) | Uri::File { .. } => {
                check_input(uri)?;
                return Ok(Self::Other(uri.clone()));
            }
            Uri::Defer => return Err(address::deferred()),
        }))
    }
}

/// A connection that its source has given up before it was accepted is an error of `accept`, but not of the listener.
fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted)
}

impl Drop for ListeningSocket {
    fn drop(&mut self) {
        if let Uri::Unix(path) = &self.address {
            // As QEMU does; the path may be gone.
            let _ = std::fs::remove_file(path);
        }
    }
}
