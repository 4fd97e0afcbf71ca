//! Listeners, and inputs that need none.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt;

use super::address;
use super::channel::Channel;
use super::descriptor::{self, Kind};
use super::socket::{is_readable, wait_readable};
use crate::migration::uri::{TcpAddress, Uri};

/// A listener, or an input that needs none.
#[derive(Debug)]
pub(super) enum Listener {
    Socket(ListeningSocket),
    Other(Uri),
}

#[derive(Debug)]
pub(super) struct ListeningSocket {
    socket: OwnedFd,
    /// The address, with the port that the system has chosen.
    address: Uri,
}

/// The time between two looks for a command that ends the wait. A connection ends it at once.
const POLL: Duration = Duration::from_millis(50);

impl Listener {
    pub(super) fn new(uri: &Uri) -> io::Result<Self> {
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
            Uri::Exec(_) | Uri::File { .. } => return Ok(Self::Other(uri.clone())),
            Uri::Defer => return Err(address::deferred()),
        }))
    }

    /// Returns the address with the port that the system has chosen.
    pub(super) fn address(&self) -> &Uri {
        match self {
            Self::Socket(listening) => &listening.address,
            Self::Other(uri) => uri,
        }
    }

    /// Returns whether a connection waits to be accepted.
    pub(super) fn has_waiting(&self) -> io::Result<bool> {
        match self {
            Self::Socket(listening) => is_readable(&listening.socket),
            Self::Other(_) => Ok(false),
        }
    }

    /// Waits for a connection until `until` returns `true`.
    pub(super) fn accept(&self, progress: Duration, until: impl Fn() -> bool) -> io::Result<Option<Channel>> {
        let listening = match self {
            Self::Socket(listening) => &listening.socket,
            Self::Other(uri) => return Channel::open(uri, progress).map(Some),
        };
        rustix::io::ioctl_fionbio(listening, true)?;
        loop {
            match rustix::net::accept(listening).map_err(io::Error::from) {
                Ok(socket) => {
                    // Connections inherit these options from their listener on some systems.
                    rustix::io::ioctl_fionbio(&socket, false)?;
                    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
                    return Channel::of_socket(socket, progress).map(Some);
                }
                Err(error) if is_temporary(&error) => {}
                Err(error) => return Err(error),
            }
            if until() {
                return Ok(None);
            }
            wait_readable(listening, POLL)?;
        }
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
