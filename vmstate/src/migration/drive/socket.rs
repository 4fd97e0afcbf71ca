//! Sockets of any family: their options, deadlines and ends.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, RecvFlags, Shutdown};

/// A socket, for options and for shutting it down while another thread reads it.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

/// The time between two looks at the state of a connection.
const POLL: Duration = Duration::from_micros(100);
/// The number of probes of an idle connection, the last of which declares the peer dead.
const PROBES: u32 = 3;
/// The size of a larger buffer in bytes. Linux chooses 208 KiB unless asked, and at most `net.core.wmem_max`, of which it
/// counts twice as much.
const LARGE_BUFFER: usize = 512 << 10;

impl Socket {
    /// Takes a connected socket. A peer that accepts no byte for `progress` is dead.
    pub(super) fn new(socket: OwnedFd, progress: Duration) -> io::Result<Self> {
        let socket = Self(socket);
        socket.set_progress(progress)?;
        Ok(socket)
    }

    /// Changes the time after which a peer that accepts no byte is dead.
    pub(super) fn set_progress(&self, progress: Duration) -> io::Result<()> {
        sockopt::set_socket_timeout(&self.0, Timeout::Send, Some(at_least_1_ms(progress)))?;
        if self.is_tcp()? { self.set_tcp_options(progress) } else { Ok(()) }
    }

    fn is_tcp(&self) -> io::Result<bool> {
        Ok(matches!(self.family()?, AddressFamily::INET | AddressFamily::INET6))
    }

    fn family(&self) -> io::Result<AddressFamily> {
        Ok(rustix::net::getsockname(&self.0)?.address_family())
    }

    /// Lets a Unix socket keep more bytes that the peer has not read, so that both sides wait for each other less often. The
    /// kernel chooses the size for TCP, unless a program sets it.
    pub(super) fn buffer_more(&self) {
        if self.family().is_ok_and(|family| family == AddressFamily::UNIX) {
            // A smaller buffer is slower, and nothing else.
            let _ = sockopt::set_socket_send_buffer_size(&self.0, LARGE_BUFFER);
        }
    }

    /// Detects dead peers also while nothing is sent, for example during a pause before the switchover.
    fn set_tcp_options(&self, progress: Duration) -> io::Result<()> {
        sockopt::set_tcp_nodelay(&self.0, true)?;
        sockopt::set_socket_keepalive(&self.0, true)?;
        // The kernel counts in seconds, up to 32767.
        let interval = (progress / (PROBES + 1)).clamp(Duration::from_secs(1), Duration::from_secs(32_767));
        #[cfg(target_os = "linux")]
        {
            sockopt::set_tcp_keepidle(&self.0, interval)?;
            sockopt::set_tcp_keepintvl(&self.0, interval)?;
            sockopt::set_tcp_keepcnt(&self.0, PROBES)?;
            // The kernel rejects more than 24 days, the longest time in a signed number of milliseconds.
            let millis = i32::try_from(progress.as_millis()).unwrap_or(i32::MAX);
            sockopt::set_tcp_user_timeout(&self.0, millis.unsigned_abs())?;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = interval;
        Ok(())
    }

    /// Returns the socket as a file, because sockets and files are read and written in the same way.
    pub(super) fn file(&self) -> io::Result<File> {
        Ok(File::from(self.0.try_clone()?))
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    pub(super) fn shut_down(&self) {
        // The peer may have closed it already.
        let _ = rustix::net::shutdown(&self.0, Shutdown::Both);
    }

    /// Ends the reads of this side. The other direction stays open.
    pub(super) fn stop_reading(&self) {
        let _ = rustix::net::shutdown(&self.0, Shutdown::Read);
    }

    /// Ends the writes of this side. The other direction stays open.
    #[cfg(feature = "schema")]
    pub(super) fn stop_writing(&self) {
        let _ = rustix::net::shutdown(&self.0, Shutdown::Write);
    }

    /// Copies bytes that have arrived without consuming them, after the peer has sent some. Returns 0 at the end.
    #[cfg(feature = "schema")]
    pub(super) fn peek_into(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::net::recv(&self.0, &mut *buffer, RecvFlags::PEEK) {
                Ok((count, _)) => return Ok(count),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Consumes all bytes that have arrived.
    #[cfg(feature = "schema")]
    pub(super) fn drain(&self) {
        while let Ok((1.., _)) = rustix::net::recv(&self.0, &mut [0; 512][..], RecvFlags::DONTWAIT) {}
    }

    /// Waits for the first four bytes, and leaves them to the next read.
    pub(super) fn peek(&self) -> io::Result<[u8; 4]> {
        let mut first = [0; 4];
        loop {
            match rustix::net::recv(&self.0, &mut first[..], RecvFlags::PEEK | RecvFlags::WAITALL) {
                Ok((4.., _)) => return Ok(first),
                Ok(_) => {
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, "a connection ends before its first bytes"));
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Returns whether [`peek`](Self::peek) returns at once.
    pub(super) fn has_first_bytes(&self) -> bool {
        let received = rustix::net::recv(&self.0, &mut [0; 4][..], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        match received {
            Ok((_, count)) => count == 0 || count >= 4,
            Err(error) => error != rustix::io::Errno::AGAIN && error != rustix::io::Errno::INTR,
        }
    }

    /// Returns whether the peer has closed the connection, and all bytes were read.
    pub(super) fn has_ended(&self) -> bool {
        match rustix::net::recv(&self.0, &mut [0; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, count)) => count == 0,
            Err(error) => error != rustix::io::Errno::AGAIN && error != rustix::io::Errno::INTR,
        }
    }

    /// Returns whether bytes have arrived that were not read.
    pub(super) fn has_bytes(&self) -> bool {
        let received = rustix::net::recv(&self.0, &mut [0; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        received.is_ok_and(|(_, count)| count > 0)
    }

    /// Sets the longest time that a read waits for a byte, or lets it wait without a limit.
    pub(super) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        Ok(sockopt::set_socket_timeout(&self.0, Timeout::Recv, timeout.map(at_least_1_ms))?)
    }

    /// Waits until the peer's system has acknowledged all bytes, after the peer has closed the connection.
    ///
    /// The peer may have closed it before it has read the last bytes. Its system then resets the connection.
    pub(super) fn await_acknowledged(&self, deadline: Option<Instant>) -> io::Result<()> {
        if self.is_tcp()? {
            // The end of this direction follows the bytes, and the connection disappears when it is acknowledged.
            let _ = rustix::net::shutdown(&self.0, Shutdown::Write);
            while rustix::net::getpeername(&self.0).is_ok() {
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return Err(io::Error::new(ErrorKind::TimedOut, "the peer acknowledges nothing"));
                }
                thread::sleep(POLL);
            }
        }
        Ok(sockopt::socket_error(&self.0)??)
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.0
    }
}

/// Zero would mean to wait without a limit.
fn at_least_1_ms(timeout: Duration) -> Duration {
    timeout.max(Duration::from_millis(1))
}

/// A reader of a channel, whose timeouts have a message.
#[derive(Debug)]
pub(super) struct TimedReader(pub(super) File);

impl Read for TimedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            if is_timeout(&error) { io::Error::new(ErrorKind::TimedOut, "the source sends nothing") } else { error }
        })
    }
}

/// Returns whether a socket has reached the time limit of its option.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Waits until `fd` is readable, for at most `timeout`.
pub(super) fn wait_readable(fd: impl AsFd, timeout: Duration) -> io::Result<()> {
    poll_readable(fd, timeout).map(drop)
}

/// Returns whether `fd` is readable now.
pub(super) fn is_readable(fd: impl AsFd) -> io::Result<bool> {
    poll_readable(fd, Duration::ZERO)
}

fn poll_readable(fd: impl AsFd, timeout: Duration) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let timeout = Timespec::try_from(timeout).map_err(|_| ErrorKind::InvalidInput)?;
    match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    const PROGRESS: Duration = Duration::from_secs(30);

    fn tcp() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let left = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Socket::new(left.into(), PROGRESS).unwrap(), listener.accept().unwrap().0)
    }

    fn deadline() -> Option<Instant> {
        Some(Instant::now() + Duration::from_secs(10))
    }

    #[test]
    fn read_bytes_are_acknowledged() {
        let (socket, mut peer) = tcp();
        socket.file().unwrap().write_all(b"shut").unwrap();
        peer.read_exact(&mut [0; 4]).unwrap();
        drop(peer);
        assert_eq!(socket.file().unwrap().read(&mut [0; 1]).unwrap(), 0);
        socket.await_acknowledged(deadline()).unwrap();
    }

    #[test]
    fn unread_bytes_reset_the_connection() {
        let (socket, peer) = tcp();
        socket.file().unwrap().write_all(b"shut").unwrap();
        drop(peer);
        let read = socket.file().unwrap().read(&mut [0; 1]);
        assert!(read.is_err() || socket.await_acknowledged(deadline()).is_err());

        let (left, right) = std::os::unix::net::UnixStream::pair().unwrap();
        let socket = Socket::new(left.into(), PROGRESS).unwrap();
        socket.file().unwrap().write_all(b"shut").unwrap();
        drop(right);
        socket.await_acknowledged(deadline()).unwrap_err();
    }

    #[test]
    fn open_peer_acknowledges_nothing_more() {
        let (socket, _peer) = tcp();
        let error = socket.await_acknowledged(Some(Instant::now())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn dead_peers_are_probed() {
        let (socket, _peer) = tcp();
        assert!(sockopt::socket_keepalive(&socket.0).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&socket.0).unwrap(), Duration::from_secs(8));
        assert_eq!(sockopt::tcp_user_timeout(&socket.0).unwrap(), 30_000);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn deadlines_of_more_than_24_days_are_limited() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = Socket::new(socket.into(), Duration::from_secs(30 * 24 * 60 * 60)).unwrap();
        assert_eq!(sockopt::tcp_user_timeout(&socket.0).unwrap(), i32::MAX.unsigned_abs());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_unix_sockets_get_larger_buffers() {
        let size = |socket: &Socket| sockopt::socket_send_buffer_size(&socket.0).unwrap();
        let (left, _right) = std::os::unix::net::UnixStream::pair().unwrap();
        let (unix, (tcp, _peer)) = (Socket::new(left.into(), PROGRESS).unwrap(), tcp());
        let before = [size(&unix), size(&tcp)];
        unix.buffer_more();
        tcp.buffer_more();
        assert!(size(&unix) > before[0], "{before:?}");
        assert_eq!(size(&tcp), before[1]);
    }

    #[test]
    fn peer_that_reads_nothing_times_out() {
        let (left, _right) = std::os::unix::net::UnixStream::pair().unwrap();
        let socket = Socket::new(left.into(), Duration::from_millis(20)).unwrap();
        let error = socket.file().unwrap().write_all(&vec![0; 16 << 20]).unwrap_err();
        assert!(is_timeout(&error), "{error}");
    }
}
