//! Connections that are forwarded without being decoded.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};

use super::super::channel::Channel;
use super::super::socket::Socket;

/// The number of bytes that are forwarded at once, in each direction of each connection.
pub(super) const BUFFER: usize = 256 << 10;

/// One end of a connection.
#[derive(Clone, Copy)]
pub(super) struct Peer<'a> {
    pub(super) socket: &'a Socket,
    pub(super) file: &'a File,
}

impl<'a> Peer<'a> {
    pub(super) fn new(channel: &'a Channel) -> Option<Self> {
        Some(Self { socket: channel.socket()?, file: channel.input.as_ref()? })
    }
}

/// The peer that has ended a direction of a connection.
enum End {
    Sender,
    Receiver,
}

/// Copies one direction of a connection to its end.
pub(super) fn copy(from: Peer<'_>, to: Peer<'_>) {
    #[cfg(target_os = "linux")]
    let spliced = through_pipe(from.file, to.file);
    #[cfg(not(target_os = "linux"))]
    let spliced = None;
    match spliced.unwrap_or_else(|| through_buffer(from.file, to.file)) {
        End::Sender => to.socket.stop_writing(),
        End::Receiver => from.socket.stop_reading(),
    }
}

fn through_buffer(from: &File, mut to: &File) -> End {
    let mut buffer = vec![0; BUFFER];
    while let Ok(count @ 1..) = read(from, &mut buffer) {
        if to.write_all(buffer.get(..count).unwrap_or_default()).is_err() {
            return End::Receiver;
        }
    }
    End::Sender
}

/// Reads bytes. Returns 0 at the end.
pub(super) fn read(mut input: &File, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Moves the bytes through a pipe, so that they are not copied to this process and back. Returns `None` if the system does
/// not support it; nothing was read then.
#[cfg(target_os = "linux")]
fn through_pipe(from: &File, to: &File) -> Option<End> {
    use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

    let (output, input) = pipe_with(PipeFlags::CLOEXEC).ok()?;
    // Unprivileged processes can have less memory for pipes; then more calls move the same bytes.
    let _ = fcntl_setpipe_size(&input, PIPE);
    let mut has_read = false;
    loop {
        let mut left = match splice(from, &input, PIPE) {
            Ok(count @ 1..) => count,
            Err(_) if !has_read => return None,
            Ok(0) | Err(_) => return Some(End::Sender),
        };
        has_read = true;
        while left > 0 {
            match splice(&output, to, left) {
                Ok(count @ 1..) => left -= count,
                Ok(0) | Err(_) => return Some(End::Receiver),
            }
        }
    }
}

/// The capacity of the pipe, the default of `/proc/sys/fs/pipe-max-size`.
#[cfg(target_os = "linux")]
const PIPE: usize = 1 << 20;

#[cfg(target_os = "linux")]
fn splice(from: impl std::os::fd::AsFd, to: impl std::os::fd::AsFd, most: usize) -> rustix::io::Result<usize> {
    use rustix::pipe::SpliceFlags;

    loop {
        match rustix::pipe::splice(&from, None, &to, None, most, SpliceFlags::MOVE) {
            Err(rustix::io::Errno::INTR) => {}
            result => return result,
        }
    }
}
