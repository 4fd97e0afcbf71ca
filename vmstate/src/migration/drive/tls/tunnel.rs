//! The end of an encrypted channel on the side of the migration.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::Shutdown;
use rustix::net::sockopt;
use rustls::Connection;

use super::ending::Ending;
use super::handshake::{set_nonblocking, shake_hands};
use super::pump::Pump;
use crate::migration::drive::socket::Socket;

/// A longer time is as good as no limit.
const LONG: Duration = Duration::from_secs(3600);
/// The size of the buffers of the local socket, as far as the system allows it.
const BUFFER: usize = 1 << 20;

/// An encrypted connection, and the thread that connects it with the socket of the migration.
#[derive(Debug)]
pub(in crate::migration::drive) struct Tunnel {
    network: Socket,
    /// The socket of the migration, to end it.
    near: UnixStream,
    /// Disconnected when everything was sent.
    sent: Receiver<()>,
    progress: Duration,
    ending: Ending,
}

impl Tunnel {
    /// Completes the handshake of a connected socket until `deadline`, and starts the thread. Returns the socket for the
    /// migration.
    pub(super) fn open(
        mut connection: Connection,
        socket: OwnedFd,
        deadline: Instant,
        progress: Duration,
    ) -> Result<(Self, OwnedFd), String> {
        let text = |error: io::Error| error.to_string();
        let network = Socket::new(socket, progress).map_err(text)?;
        let mut file = network.file().map_err(text)?;
        set_nonblocking(&file).map_err(text)?;
        shake_hands(&mut connection, &mut file, deadline)?;
        Self::start(connection, network, file, progress).map_err(text)
    }

    fn start(connection: Connection, network: Socket, file: File, progress: Duration) -> io::Result<(Self, OwnedFd)> {
        let (near, far) = UnixStream::pair()?;
        for socket in [&near, &far] {
            // The system limits it.
            let _ = sockopt::set_socket_send_buffer_size(socket, BUFFER);
        }
        set_nonblocking(&far)?;
        let (done, sent) = mpsc::channel();
        let ending = Ending::default();
        let pump = Pump::new(connection, file, far, progress, ending.clone());
        thread::Builder::new().name("vmstate-tls".to_owned()).spawn(move || pump.run(done))?;
        let socket = near.try_clone()?.into();
        Ok((Self { network, near, sent, progress, ending }, socket))
    }

    /// Checks that the peer has received everything, after its end was read.
    pub(in crate::migration::drive) fn check_closed(&self, deadline: Option<Instant>) -> io::Result<()> {
        let _ = rustix::net::shutdown(&self.near, Shutdown::Write);
        let left = deadline.map_or(LONG, |deadline| deadline.saturating_duration_since(Instant::now()));
        if self.sent.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
            return Err(io::Error::new(ErrorKind::TimedOut, "the peer acknowledges nothing"));
        }
        match self.ending.failure() {
            Some(failure) => Err(io::Error::other(format!("TLS: {failure}"))),
            None => self.network.await_acknowledged(deadline),
        }
    }

    /// Does not wait for the end when the connection is closed: the thread sends it nevertheless.
    pub(in crate::migration::drive) fn abort(&mut self) {
        self.progress = Duration::ZERO;
    }

    pub(in crate::migration::drive) fn ending(&self) -> Ending {
        self.ending.clone()
    }
}

/// Waits until everything was sent, so that a program that ends after a migration does not truncate it.
impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = rustix::net::shutdown(&self.near, Shutdown::Both);
        let _ = self.sent.recv_timeout(self.progress);
    }
}
