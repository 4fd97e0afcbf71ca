//! Handshakes, whose peers are unknown and have a deadline.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::Shutdown;
use rustls::Connection;

use super::explain::explain;
use crate::migration::tls::PROTOCOL;

/// The most reads of bytes that nothing uses.
const LINGER_READS: usize = 64;
/// The first byte from a destination to a source, between peers that use this library.
const ACCEPTED: u8 = 1;
const LATE: &str = "the peer does not complete the handshake in time";
const CLOSED: &str = "the peer has closed the connection during the handshake";

/// Completes a handshake over a non-blocking socket.
///
/// A rejected peer gets an alert with the reason, and nothing more is read from it: a source without the return path, whose
/// whole stream was read, would believe that it has arrived.
pub(super) fn shake_hands(connection: &mut Connection, network: &mut File, deadline: Instant) -> Result<(), String> {
    let shaken = advance(connection, network, deadline).and_then(|()| confirm(connection, network, deadline));
    if shaken.is_err() {
        let _ = transmit(connection, network);
    }
    shaken
}

fn advance(connection: &mut Connection, network: &mut File, deadline: Instant) -> Result<(), String> {
    loop {
        transmit(connection, network).map_err(|error| lost(&error))?;
        if !connection.is_handshaking() && !connection.wants_write() {
            return Ok(());
        }
        let mut events = PollFlags::empty();
        events.set(PollFlags::OUT, connection.wants_write());
        events.set(PollFlags::IN, connection.is_handshaking());
        if !wait(&*network, events, deadline).map_err(|error| lost(&error))? {
            return Err(LATE.to_owned());
        }
        if connection.is_handshaking() {
            receive(connection, network)?;
        }
    }
}

/// Lets the destination confirm that it has accepted the certificate of the source.
///
/// With TLS 1.3, the handshake of a client is complete before the server verifies its certificate. A source without the
/// return path could send a small guest completely before the alert arrives, and give it away. A QEMU does not know the
/// protocol, and confirms nothing.
fn confirm(connection: &mut Connection, network: &mut File, deadline: Instant) -> Result<(), String> {
    if connection.alpn_protocol() != Some(PROTOCOL) {
        return Ok(());
    }
    if let Connection::Server(server) = connection {
        server.writer().write_all(&[ACCEPTED]).map_err(|error| lost(&error))?;
        return advance(connection, network, deadline);
    }
    let mut byte = [0];
    loop {
        match connection.reader().read(&mut byte) {
            Ok(1) if byte == [ACCEPTED] => return Ok(()),
            Ok(1) => return Err(format!("the peer sends {byte:?} instead of [{ACCEPTED}] after the handshake")),
            Ok(_) => return Err(CLOSED.to_owned()),
            Err(error) if is_temporary(&error) => {}
            Err(error) => return Err(lost(&error)),
        }
        if !wait(&*network, PollFlags::IN, deadline).map_err(|error| lost(&error))? {
            return Err(LATE.to_owned());
        }
        receive(connection, network)?;
    }
}

fn receive(connection: &mut Connection, network: &mut File) -> Result<(), String> {
    match connection.read_tls(network) {
        Ok(0) => return Err(CLOSED.to_owned()),
        Ok(_) => {}
        Err(error) if is_temporary(&error) => return Ok(()),
        Err(error) => return Err(lost(&error)),
    }
    connection.process_new_packets().map(drop).map_err(|error| explain(&error))
}

/// Sends encrypted bytes, as far as the socket accepts them.
pub(super) fn transmit(connection: &mut Connection, network: &mut File) -> io::Result<()> {
    while connection.wants_write() {
        match connection.write_tls(network) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Ends the writes, and reads until the peer ends the connection: unread bytes would reset it.
pub(super) fn linger(network: &mut File, deadline: Instant) {
    let _ = rustix::net::shutdown(&*network, Shutdown::Write);
    let mut buffer = [0; 4096];
    for _ in 0..LINGER_READS {
        match network.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if is_temporary(&error) => match wait(&*network, PollFlags::IN, deadline) {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            },
            Err(_) => return,
        }
    }
}

/// Waits for events. Returns `false` after the deadline.
pub(super) fn wait(socket: impl AsFd, events: PollFlags, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let mut descriptors = [PollFd::new(&socket, events)];
        match poll(&mut descriptors, Some(&timespec(left))) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns a time for `poll`. Times that are too long for it are cut to an hour, because its callers repeat it.
pub(super) fn timespec(duration: Duration) -> Timespec {
    let hour = Duration::from_secs(3600);
    Timespec::try_from(duration.min(hour)).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 })
}

pub(super) fn set_nonblocking(socket: impl AsFd) -> io::Result<()> {
    let socket: BorrowedFd<'_> = socket.as_fd();
    Ok(rustix::io::ioctl_fionbio(socket, true)?)
}

pub(super) fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn lost(error: &io::Error) -> String {
    format!("the connection is lost during the handshake: {error}")
}
