//! The threads that load pages.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::memory::RamBlock;
use crate::migration::drive::channel::{Channel, with_advice};
use crate::migration::drive::host::HostMemory;
use crate::migration::drive::socket::Socket;
use crate::migration::parameter::Compression;
use crate::migration::protocol::compression::Decompressor;
use crate::migration::protocol::multifd::{COMPRESSED, Head, head_size};
use crate::ram::channels::{Connections, SharedLoad};

type Block = Arc<dyn RamBlock + Send + Sync>;

/// The data channels of a destination. Dropping them closes their connections and ends their threads.
#[derive(Debug)]
pub(in crate::migration::drive) struct Receiving {
    pub(super) shared: Arc<SharedLoad>,
    pub(super) threads: Vec<JoinHandle<()>>,
    /// The connections, which are closed when they are dropped.
    pub(super) _channels: Vec<Channel>,
}

/// The sockets of all channels.
struct Sockets {
    main: Option<Socket>,
    data: Vec<Socket>,
}

impl Connections for Sockets {
    fn interrupt_main(&self) {
        if let Some(socket) = &self.main {
            socket.stop_reading();
        }
    }

    fn close_data(&self) {
        self.data.iter().for_each(Socket::shut_down);
    }
}

impl Receiving {
    /// Starts the threads of accepted channels. Their errors end the reads of the main channel.
    pub(in crate::migration::drive) fn start(
        main: &Channel,
        mut channels: Vec<Channel>,
        memory: &HostMemory,
        compression: Compression,
        timeout: Duration,
    ) -> io::Result<Self> {
        let clone = |socket: &Socket| socket.try_clone();
        let main = main.socket().map(clone).transpose()?;
        let data: io::Result<_> = channels.iter().filter_map(|channel| channel.socket().map(clone)).collect();
        let sockets = Box::new(Sockets { main, data: data? });
        let (count, blocks) = (channels.len(), memory.announced.is_none().then(|| memory.blocks.clone()));
        let shared = Arc::new(SharedLoad::new(memory.page_size, blocks, count, sockets, timeout));
        let inputs = channels.iter_mut().map(|channel| channel.input.take().ok_or(ErrorKind::Unsupported.into()));
        let inputs = inputs.collect::<io::Result<Vec<_>>>()?;
        let mut receivers = Vec::with_capacity(inputs.len());
        for (id, input) in inputs.into_iter().enumerate() {
            let content = Content::new(compression)?;
            let receiver = Receiver { id, input, content, shared: Arc::clone(&shared) };
            receivers.push(receiver);
        }
        let threads = receivers.into_iter().map(|receiver| thread::spawn(move || receiver.run())).collect();
        Ok(Self { shared, threads, _channels: channels })
    }

    /// Returns the load that the channels share.
    pub(in crate::migration::drive) fn shared(&self) -> &Arc<SharedLoad> {
        &self.shared
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.shared.stop();
        for thread in self.threads.drain(..) {
            // A panic was printed, and has failed the load.
            let _ = thread.join();
        }
    }
}

struct Receiver {
    id: usize,
    input: File,
    content: Content,
    shared: Arc<SharedLoad>,
}

/// The content of packets.
enum Content {
    Pages,
    Compressed { decompressor: Decompressor, packet: Vec<u8> },
}

impl Content {
    fn new(compression: Compression) -> io::Result<Self> {
        Ok(match Decompressor::new(compression)? {
            None => Self::Pages,
            Some(decompressor) => Self::Compressed { decompressor, packet: vec![0; COMPRESSED] },
        })
    }

    fn compression(&self) -> Compression {
        match self {
            Self::Pages => Compression::None,
            Self::Compressed { decompressor, .. } => decompressor.compression(),
        }
    }

    /// Reads the pages of a packet.
    fn read(&mut self, input: &mut File, block: &Block, head: &Head<'_>, page: &mut [u8]) -> io::Result<()> {
        let Self::Compressed { decompressor, packet } = self else {
            return read_pages(input, block, head.normal(), page);
        };
        let packet = packet.get_mut(..head.size).ok_or(ErrorKind::InvalidData)?;
        input.read_exact(packet).map_err(explain_end)?;
        let write = |offset, page: &[u8]| block.write(offset, page).map_err(io::Error::other);
        decompressor.pages(packet, page, head.normal(), write)
    }
}

/// Reports the end of a channel, also if its thread panics.
pub(super) struct Leave<'r> {
    shared: &'r SharedLoad,
    pub(super) error: Option<String>,
}

impl<'r> Leave<'r> {
    pub(super) fn new(shared: &'r SharedLoad) -> Self {
        Self { shared, error: Some("a data channel has panicked".to_owned()) }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.shared.leave(self.error.take());
    }
}

impl Receiver {
    fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut leave = Leave::new(&shared);
        leave.error = self.work().err().map(|error| format!("data channel {}: {error}", self.id));
    }

    fn work(&mut self) -> io::Result<()> {
        let page_size = self.shared.page_size();
        let mut head = vec![0; head_size(page_size)];
        let mut page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
        while read_head(&mut self.input, &mut head)? {
            let packet =
                Head::decode(&head, page_size, self.content.compression()).map_err(|error| with_advice(&error))?;
            if packet.normal().len() > 0 {
                let block = self.shared.prepare(packet.block, packet.normal()).map_err(io::Error::other)?;
                self.content.read(&mut self.input, block, &packet, &mut page)?;
            }
            if packet.zero().len() > 0 {
                self.shared.zero(packet.block, packet.zero()).map_err(io::Error::other)?;
            }
            if packet.sync && !self.shared.arrive() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Reads a head. Returns `false` at the end of the channel.
fn read_head(input: &mut File, head: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "it ends in the head of a packet")),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Names the place at which a channel ends.
fn explain_end(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::UnexpectedEof { truncated() } else { error }
}

fn truncated() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "it ends in the pages of a packet")
}

/// The most pages that are read at once.
#[cfg(all(target_os = "linux", feature = "mapping"))]
const PARTS: usize = 128;

/// Reads pages to their place in memory.
#[cfg(all(target_os = "linux", feature = "mapping"))]
fn read_pages(
    input: &mut File,
    block: &Block,
    offsets: impl ExactSizeIterator<Item = u64> + Clone,
    page: &mut [u8],
) -> io::Result<()> {
    use crate::memory::{HostRange, Scatter};

    let range =
        |offset| block.host_range(offset, page.len()).filter(|memory: &HostRange<'_>| memory.len() == page.len());
    if offsets.clone().any(|offset| range(offset).is_none()) {
        return copy_pages(input, block, offsets, page);
    }
    let empty = HostRange::from(&[][..]);
    let mut ranges = offsets.map(|offset| range(offset).unwrap_or(empty));
    while ranges.len() > 0 {
        let count = ranges.len().min(PARTS);
        let mut parts: [Scatter<'_>; PARTS] = std::array::from_fn(|_| Scatter::from(ranges.next().unwrap_or(empty)));
        read_all(input, &mut parts[..count])?;
    }
    Ok(())
}

#[cfg(all(target_os = "linux", feature = "mapping"))]
fn read_all(input: &File, mut parts: &mut [crate::memory::Scatter<'_>]) -> io::Result<()> {
    use crate::memory::{Scatter, read_scattered};
    while !parts.is_empty() {
        match read_scattered(input, parts) {
            Ok(0) => return Err(truncated()),
            Ok(count) => Scatter::advance(&mut parts, count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(not(all(target_os = "linux", feature = "mapping")))]
use copy_pages as read_pages;

/// Reads pages through a buffer.
fn copy_pages(input: &mut File, block: &Block, offsets: impl Iterator<Item = u64>, page: &mut [u8]) -> io::Result<()> {
    for offset in offsets {
        input.read_exact(page).map_err(explain_end)?;
        block.write(offset, page).map_err(io::Error::other)?;
    }
    Ok(())
}
