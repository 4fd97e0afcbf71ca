//! Sockets of addresses: connecting and listening, with the messages of QEMU's `util/qemu-sockets.c`.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use crate::migration::uri::TcpAddress;

/// Connects to a TCP address: to the first of its host's addresses that accepts.
pub(super) fn connect_tcp(address: &TcpAddress, timeout: Duration) -> io::Result<OwnedFd> {
    let mut last = no_address();
    for resolved in resolve(address, port(address)?)? {
        match TcpStream::connect_timeout(&resolved, timeout.max(Duration::from_millis(1))) {
            Ok(socket) => return Ok(socket.into()),
            Err(error) => last = unconnected(&format_args!("{}:{}", address.host, address.port), &error),
        }
    }
    Err(last)
}

/// Adds the action that has failed to an error of the system, in the form of QEMU's messages.
pub(super) fn with_context(context: impl fmt::Display, error: &io::Error) -> io::Error {
    let text = error.to_string();
    // Rust adds the number.
    let reason = text.split_once(" (os error").map_or(&*text, |(reason, _)| reason);
    io::Error::new(error.kind(), format!("{context}: {reason}"))
}

fn unconnected(to: &impl fmt::Display, error: &io::Error) -> io::Error {
    with_context(format_args!("Failed to connect to '{to}'"), error)
}

fn no_address() -> io::Error {
    io::Error::new(ErrorKind::NotFound, "the host has no address")
}

/// Connects to a Unix socket. A listener whose queue is full would block without the timeout.
pub(super) fn connect_unix(path: &str, timeout: Duration) -> io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    sockopt::set_socket_timeout(&socket, Timeout::Send, Some(timeout.max(Duration::from_millis(1))))?;
    let connected = rustix::net::connect(&socket, &SocketAddrUnix::new(path)?);
    connected.map_err(|error| unconnected(&path, &error.into()))?;
    Ok(socket)
}

/// Listens at a TCP address, at the first free port of its range.
pub(super) fn listen_tcp(address: &TcpAddress) -> io::Result<TcpListener> {
    let first = port(address)?;
    let mut last = no_address();
    for port in first..=address.last_port.unwrap_or(first).max(first) {
        let resolved: Vec<_> = resolve(address, port)?.collect();
        match TcpListener::bind(&resolved[..]) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                last = with_context("Failed to find an available port", &error);
            }
            Err(error) => last = with_context("Failed to bind socket", &error),
        }
    }
    Err(last)
}

pub(super) fn listen_unix(path: &str) -> io::Result<UnixListener> {
    UnixListener::bind(path).map_err(|error| with_context(format_args!("Failed to bind socket to {path}"), &error))
}

fn port(address: &TcpAddress) -> io::Result<u16> {
    address.port.parse().map_err(|_| {
        io::Error::new(ErrorKind::InvalidInput, format!("expected a port number, found `{}`", address.port))
    })
}

fn resolve(address: &TcpAddress, port: u16) -> io::Result<impl Iterator<Item = SocketAddr>> {
    let host = if address.host.is_empty() { "0.0.0.0" } else { &address.host };
    let (ipv4, ipv6) = (address.ipv4 != Some(false), address.ipv6 != Some(false));
    let resolved = (host, port).to_socket_addrs().map_err(|error| unresolved(host, port, &error))?;
    Ok(resolved.filter(move |address| if address.is_ipv4() { ipv4 } else { ipv6 }))
}

fn unresolved(host: &str, port: u16, error: &io::Error) -> io::Error {
    let text = error.to_string();
    // Rust adds a prefix.
    let reason = text.rsplit_once(": ").map_or(&*text, |(_, reason)| reason);
    io::Error::new(error.kind(), format!("address resolution failed for {host}:{port}: {reason}"))
}

/// Returns the error for an address that a later command replaces.
pub(super) fn deferred() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "`defer` waits for an address; use the one of the command migrate-incoming")
}

/// Connects to a socket between a host and its virtual machines. The kernel limits the wait to 2 seconds.
#[cfg(all(target_os = "linux", feature = "vsock"))]
pub(super) fn connect_vsock(cid: &str, port: &str) -> io::Result<OwnedFd> {
    let socket = vsock::VsockStream::connect(&vsock_address(cid, port)?);
    let socket = socket.map_err(|error| unconnected(&format_args!("{cid}:{port}"), &error))?;
    Ok(rustix::io::dup(&socket)?)
}

/// Listens at a socket between a host and its virtual machines. Returns its port, too.
#[cfg(all(target_os = "linux", feature = "vsock"))]
pub(super) fn listen_vsock(cid: &str, port: &str) -> io::Result<(OwnedFd, u32)> {
    let socket = vsock::VsockListener::bind(&vsock_address(cid, port)?)?;
    Ok((rustix::io::dup(&socket)?, socket.local_addr()?.port()))
}

#[cfg(all(target_os = "linux", feature = "vsock"))]
fn vsock_address(cid: &str, port: &str) -> io::Result<vsock::VsockAddr> {
    let number = |text: &str| {
        let invalid = || io::Error::new(ErrorKind::InvalidInput, format!("expected a number, found `{text}`"));
        text.parse().map_err(|_| invalid())
    };
    Ok(vsock::VsockAddr::new(number(cid)?, number(port)?))
}

#[cfg(not(all(target_os = "linux", feature = "vsock")))]
pub(super) fn connect_vsock(_: &str, _: &str) -> io::Result<OwnedFd> {
    Err(without_vsock())
}

#[cfg(not(all(target_os = "linux", feature = "vsock")))]
pub(super) fn listen_vsock(_: &str, _: &str) -> io::Result<(OwnedFd, u32)> {
    Err(without_vsock())
}

#[cfg(not(all(target_os = "linux", feature = "vsock")))]
fn without_vsock() -> io::Error {
    io::Error::new(ErrorKind::Unsupported, "`vsock:` needs Linux and the feature `vsock` of `vmstate`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_range_skips_ports_in_use() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let first = taken.local_addr().unwrap().port().min(u16::MAX - 20);
        let address = TcpAddress { last_port: Some(first + 20), ..TcpAddress::new("127.0.0.1", first.to_string()) };
        let found = listen_tcp(&address).unwrap().local_addr().unwrap().port();
        assert!(found > first && found <= first + 20, "{found}");
        let single = TcpAddress { last_port: None, ..address };
        assert_eq!(listen_tcp(&single).unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn full_queue_of_a_listener_times_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let path = path.to_str().unwrap();
        let connect = || connect_unix(path, Duration::from_millis(20));
        let connected: Vec<_> = std::iter::from_fn(|| connect().ok()).take(100).collect();
        assert!(connected.len() < 100, "the queue is never full");
    }

    #[test]
    fn errors_have_qemu_messages() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/socket").display().to_string();
        let text = |error: io::Error| error.to_string();
        let connected = connect_unix(&path, Duration::from_secs(10)).unwrap_err();
        assert_eq!(text(connected), format!("Failed to connect to '{path}': No such file or directory"));
        let listened = text(listen_unix(&path).unwrap_err());
        assert_eq!(listened, format!("Failed to bind socket to {path}: No such file or directory"));
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let address = TcpAddress::new("127.0.0.1", port.to_string());
        let listened = text(listen_tcp(&address).unwrap_err());
        assert_eq!(listened, "Failed to find an available port: Address already in use");
        let closed = TcpAddress::new("127.0.0.1", "1");
        let connected = text(connect_tcp(&closed, Duration::from_secs(10)).unwrap_err());
        assert!(connected.starts_with("Failed to connect to '127.0.0.1:1': Connection"), "{connected}");
        assert!(!connected.contains("os error"), "{connected}");
    }

    #[test]
    fn families_can_be_excluded() {
        let address = TcpAddress { ipv4: Some(false), ..TcpAddress::new("127.0.0.1", "1") };
        let error = connect_tcp(&address, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.to_string(), "the host has no address");
    }
}
