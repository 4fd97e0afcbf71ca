//! Memory that a source hands over to a destination on the same host: its descriptors, on a separate connection.

use std::fmt::Display;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::net::sockopt::{self, Timeout};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    Shutdown,
};
use vmstate_types::Writer;

use super::MigrationError;
use super::address;
use super::channel::{Channel, with_advice};
use super::host::HostMemory;
use super::listener::Listener;
use super::socket::Socket;
use crate::memory::RamBlock;
use crate::migration::descriptors::{self, MAX_ENTRIES};
use crate::migration::uri::Uri;

/// The descriptors of a guest's memory, which its source has handed over: the new process maps the same memory, and the
/// migration sends only the devices.
///
/// Wait for them before the machine is created, and then for the guest. The source connects when this value is dropped, so keep
/// it until the address of the guest is open:
///
/// ```no_run
/// use std::time::Duration;
///
/// use vmstate::memory::MappingOptions;
/// use vmstate::migration::{HandedOver, Incoming, Mode, Parameters};
///
/// let mut files = HandedOver::receive(&"unix:/run/memory".parse()?, Duration::from_secs(60))?;
/// let ram = files.take("ram").ok_or("the source has no block `ram`")?;
/// let ram = MappingOptions::handed_over(ram).map("ram", 1 << 30)?;
/// // Create the machine with this memory, and pass it to `run` below.
/// let mut parameters = Parameters::default();
/// parameters.mode = Mode::CprTransfer;
/// let incoming = Incoming::listen(&"unix:/run/guest".parse()?, parameters)?;
/// drop(files);
/// # let mut host = vmstate::migration::StoppedGuest::new(vmstate::machine::Machine::new(), vmstate::migration::HostMemory::new(vmstate::memory::PageSize::DEFAULT, vec![std::sync::Arc::new(ram)], None));
/// incoming.run(&mut host)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HandedOver {
    files: Vec<(String, u32, OwnedFd)>,
    /// The source waits for its end.
    _connection: Channel,
}

/// The longest list: entries with names of 1 KiB.
const MAX_LIST: usize = MAX_ENTRIES * 1040;
/// The most descriptors of one message (`SCM_MAX_FD` of Linux).
const MAX_IN_MESSAGE: usize = 253;

impl HandedOver {
    /// Listens at a Unix socket until a source has connected and sent its descriptors, for at most `patience`.
    ///
    /// A process that connects controls the memory of the guest: give only its user access to the folder of the socket.
    ///
    /// # Errors
    /// Returns an error if the address is not a Unix socket or in use, no source connects in time, or the list is malformed or
    /// incomplete.
    pub fn receive(uri: &Uri, patience: Duration) -> Result<Self, MigrationError> {
        let fail = |error: &dyn Display| MigrationError::new("descriptors", &error);
        if !matches!(uri, Uri::Unix(_)) {
            return Err(fail(&NEEDS_UNIX));
        }
        let start = Instant::now();
        let listener = Listener::new(uri).map_err(|error| fail(&error))?;
        let accepted = listener.accept(patience, || start.elapsed() >= patience).map_err(|error| fail(&error))?;
        let channel = accepted.ok_or_else(|| fail(&"no source has connected in time"))?;
        let socket = channel.input.as_ref().ok_or_else(|| fail(&"the connection cannot be read"))?;
        let (list, files) = receive_list(socket.as_fd(), start, patience).map_err(|error| fail(&error))?;
        let files = named(&list, files).map_err(|error| fail(&error))?;
        Ok(Self { files, _connection: channel })
    }

    /// Returns the names of the blocks that are left.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, ..)| name.as_str())
    }

    /// Takes the descriptor of a block.
    pub fn take(&mut self, name: &str) -> Option<OwnedFd> {
        let index = self.files.iter().position(|(found, number, _)| found == name && *number == 0)?;
        Some(self.files.swap_remove(index).2)
    }
}

/// Returns the descriptors with their names and numbers.
fn named(list: &[u8], files: Vec<OwnedFd>) -> io::Result<Vec<(String, u32, OwnedFd)>> {
    let entries = descriptors::parse(list).map_err(|error| with_advice(&error))?;
    if entries.len() != files.len() {
        let found = format!("found {} descriptors for {} entries", files.len(), entries.len());
        return Err(io::Error::new(ErrorKind::InvalidData, found));
    }
    Ok(entries.into_iter().zip(files).map(|((name, number), file)| (name, number, file)).collect())
}

const NEEDS_UNIX: &str = "descriptors pass only over a Unix socket; use `unix:PATH`";

/// Reads the list until its end, and all descriptors that it carries.
fn receive_list(socket: BorrowedFd<'_>, start: Instant, patience: Duration) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let (mut list, mut files) = (Vec::new(), Vec::new());
    let mut buffer = [0; 4096];
    loop {
        let left = patience.saturating_sub(start.elapsed());
        sockopt::set_socket_timeout(socket, Timeout::Recv, Some(left.max(Duration::from_millis(1))))?;
        match receive_part(socket, &mut buffer, &mut files)? {
            0 => return Ok((list, files)),
            count => list.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
        if list.len() > MAX_LIST || files.len() > MAX_ENTRIES {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("more than {MAX_ENTRIES} descriptors")));
        }
        if start.elapsed() >= patience {
            return Err(ErrorKind::TimedOut.into());
        }
    }
}

fn receive_part(socket: BorrowedFd<'_>, buffer: &mut [u8], files: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_IN_MESSAGE))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let slices = &mut [IoSliceMut::new(buffer)];
        match rustix::net::recvmsg(socket, slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            files.extend(received);
        }
    }
    Ok(received.bytes)
}

/// Connects to a destination that waits for descriptors.
pub(super) fn connect(uri: &Uri, connect: Duration, progress: Duration) -> io::Result<Socket> {
    match uri {
        Uri::Unix(path) => Socket::new(address::connect_unix(path, connect)?, progress),
        _ => Err(io::Error::new(ErrorKind::InvalidInput, NEEDS_UNIX)),
    }
}

/// Sends the descriptors of all blocks, and waits until the destination is ready for the guest.
pub(super) fn send(socket: &Socket, memory: &HostMemory, progress: Duration) -> io::Result<()> {
    let socket = OwnedFd::from(socket.file()?);
    let mut out = Writer::new();
    descriptors::begin(&mut out);
    // QEMU lists the block first that was created last.
    for block in memory.blocks.iter().rev() {
        let file = block.descriptor().ok_or_else(|| not_shared(block.idstr()))?;
        descriptors::entry(&mut out, block.idstr());
        send_all(&socket, &out.take())?;
        send_with(&socket, descriptors::CARRIER, file)?;
    }
    descriptors::end(&mut out);
    send_all(&socket, &out.take())?;
    rustix::net::shutdown(&socket, Shutdown::Write)?;
    await_end(&socket, progress)
}

/// Waits until the destination ends the connection, because it listens for the guest.
fn await_end(socket: &OwnedFd, patience: Duration) -> io::Result<()> {
    let start = Instant::now();
    loop {
        // A destination that sends bytes does not extend the wait: the guest is stopped.
        let left = patience.saturating_sub(start.elapsed()).max(Duration::from_millis(1));
        sockopt::set_socket_timeout(socket, Timeout::Recv, Some(left))?;
        match rustix::net::recv(socket, &mut [0; 64][..], RecvFlags::empty()) {
            Ok((0, _)) | Err(rustix::io::Errno::CONNRESET) => return Ok(()),
            _ if start.elapsed() >= patience => {
                let reason = "the destination has the descriptors, but does not listen for the guest in time";
                return Err(io::Error::new(ErrorKind::TimedOut, reason));
            }
            Ok(_) | Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns the error for a block that only this process has.
fn not_shared(idstr: &str) -> io::Error {
    let reason = format!("block `{idstr}` belongs to this process only; map it with `MappingOptions::memfd`");
    io::Error::new(ErrorKind::Unsupported, reason)
}

fn send_all(socket: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::net::send(socket, bytes, SendFlags::NOSIGNAL) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Sends a byte that carries a descriptor.
fn send_with(socket: &OwnedFd, byte: u8, file: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let files = [file];
    loop {
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&files));
        match rustix::net::sendmsg(socket, &[IoSlice::new(&[byte])], &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
