//! The threads that send pages.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crate::memory::{DirtyWord, PageSize, RamBlock, prefetch_pages};
use crate::migration::drive::channel::{Channel, Link, explain};
use crate::migration::drive::host::HostMemory;
use crate::migration::drive::socket::Socket;
use crate::migration::drive::tls::Ending;
use crate::migration::parameter::{Parameters, ZeroPages};
use crate::migration::protocol::compression::Compressor;
use crate::migration::protocol::multifd::{Hello, PacketHead, SYNC, flags_of, pages_per_packet};
use crate::migration::uri::Uri;
use crate::ram::channels::{Claim, Sent, SharedSave, SyncPoints};

type Block = Arc<dyn RamBlock + Send + Sync>;

/// The properties of the channels of a source.
#[derive(Debug, Clone, Copy)]
pub(in crate::migration::drive) struct SendOptions<'p> {
    /// The number of channels, their compression and their timeouts.
    pub(in crate::migration::drive) parameters: &'p Parameters,
    /// The detection of zero pages that the destination supports.
    pub(in crate::migration::drive) zero_pages: ZeroPages,
    /// Set if the channels synchronize at the end of each section.
    pub(in crate::migration::drive) at_section_ends: bool,
}

/// The channels of a source. Dropping them closes their connections and ends their threads.
#[derive(Debug)]
pub(in crate::migration::drive) struct Sending {
    pub(super) shared: Arc<SharedSave>,
    pub(super) points: SyncPoints,
    pub(super) channels: Vec<Channel>,
    pub(super) threads: Vec<JoinHandle<()>>,
}

impl Sending {
    /// Connects the channels, and starts their threads.
    pub(in crate::migration::drive) fn connect(
        uri: &Uri,
        link: &Link,
        options: SendOptions<'_>,
        uuid: [u8; 16],
        memory: &HostMemory,
    ) -> io::Result<Self> {
        let parameters = options.parameters;
        let shared = Arc::new(SharedSave::new(parameters.multifd_channels.into()));
        let numbers = Arc::new(AtomicU64::new(0));
        let points = if options.at_section_ends { SyncPoints::Sections } else { SyncPoints::Walks };
        let mut sending = Self { shared, points, channels: Vec::new(), threads: Vec::new() };
        for id in 0..parameters.multifd_channels {
            let mut channel = link.open(uri)?;
            let mut output = channel.output.take().ok_or(io::ErrorKind::Unsupported)?;
            output.write_all(&Hello { uuid, id }.encode())?;
            let ending = channel.ending();
            sending.channels.push(channel);
            let mut sender = Sender::new(id, output, memory, options, &sending.shared, &numbers)?;
            sender.ending = ending;
            sending.threads.push(thread::spawn(move || sender.run()));
        }
        Ok(sending)
    }

    /// Returns the work of the channels.
    pub(in crate::migration::drive) fn shared(&self) -> &Arc<SharedSave> {
        &self.shared
    }

    /// Returns the points at which the channels synchronize.
    pub(in crate::migration::drive) fn points(&self) -> SyncPoints {
        self.points
    }

    /// Iterates over the sockets.
    pub(in crate::migration::drive) fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.channels.iter().filter_map(Channel::socket)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.shared.stop();
        // This ends writes to a destination that does not read. Everything that was sent completely arrives nevertheless.
        self.channels.clear();
        for thread in self.threads.drain(..) {
            // A panic was printed, and has failed the migration.
            let _ = thread.join();
        }
    }
}

/// A channel with the packet that it fills. It allocates only when it is created.
struct Sender {
    id: u8,
    output: File,
    /// The reason of the end of an encrypted connection.
    ending: Option<Ending>,
    compressor: Option<Compressor>,
    blocks: Vec<Block>,
    page_size: PageSize,
    zero_pages: ZeroPages,
    shared: Arc<SharedSave>,
    /// The number of the next packet of all channels.
    numbers: Arc<AtomicU64>,
    head: PacketHead,
    /// The index of the block of the packet.
    block: usize,
    normal: Vec<u64>,
    zero: Vec<u64>,
    capacity: usize,
    /// The buffer of a page that is compressed or has no address in this process.
    page: Vec<u8>,
    synchronizations: u64,
}

/// Reports a channel whose thread panics.
pub(super) struct Panic(pub(super) Arc<SharedSave>);

impl Drop for Panic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail("a data channel has panicked".to_owned());
        }
    }
}

impl Sender {
    fn new(
        id: u8,
        output: File,
        memory: &HostMemory,
        options: SendOptions<'_>,
        shared: &Arc<SharedSave>,
        numbers: &Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let capacity = pages_per_packet(memory.page_size);
        Ok(Self {
            id,
            output,
            ending: None,
            compressor: Compressor::new(options.parameters)?,
            blocks: memory.blocks.clone(),
            page_size: memory.page_size,
            zero_pages: options.zero_pages,
            shared: Arc::clone(shared),
            numbers: Arc::clone(numbers),
            head: PacketHead::new(memory.page_size),
            block: 0,
            normal: Vec::with_capacity(capacity),
            zero: Vec::with_capacity(capacity),
            capacity,
            page: vec![0; usize::try_from(memory.page_size.bytes()).unwrap_or(0)],
            synchronizations: 0,
        })
    }

    fn run(mut self) {
        let _panic = Panic(Arc::clone(&self.shared));
        if let Err(error) = self.work() {
            self.shared.fail(format!("data channel {}: {}", self.id, explain(&error, self.ending.as_ref())));
        }
    }

    fn work(&mut self) -> io::Result<()> {
        loop {
            match self.shared.claim(self.synchronizations, self.pages() > 0) {
                Claim::Pages(block, word) => self.add(block, word)?,
                Claim::Flush => self.flush()?,
                Claim::Synchronize => {
                    self.flush()?;
                    self.send(SYNC)?;
                    self.synchronizations += 1;
                    self.shared.synchronized();
                }
                Claim::Stop => return Ok(()),
            }
        }
    }

    fn pages(&self) -> usize {
        self.normal.len() + self.zero.len()
    }

    /// Adds claimed pages to the packet, which is sent when it is full.
    fn add(&mut self, block: usize, word: DirtyWord) -> io::Result<()> {
        if block != self.block {
            self.flush()?;
            self.block = block;
        }
        self.prefetch(&word);
        for page in word.runs().flatten() {
            let offset = page * self.page_size.bytes();
            match self.zero_pages != ZeroPages::None && self.is_zero(offset)? {
                false => self.normal.push(offset),
                true if self.zero_pages == ZeroPages::Multifd => self.zero.push(offset),
                true => {
                    self.shared.zero(block, offset);
                    self.shared.sent(Sent { zero: 1, ..Sent::default() });
                }
            }
            if self.pages() == self.capacity {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Prepares the processor for the search for zero pages.
    fn prefetch(&self, word: &DirtyWord) {
        let Some(block) = self.blocks.get(self.block).filter(|_| self.zero_pages != ZeroPages::None) else { return };
        let size = self.page_size.bytes();
        for run in word.runs() {
            let length = usize::try_from((run.end - run.start) * size).unwrap_or(0);
            if let Some(memory) = block.host_range(run.start * size, length) {
                prefetch_pages(memory.as_ptr(), memory.len(), self.page.len());
            }
        }
    }

    fn is_zero(&mut self, offset: u64) -> io::Result<bool> {
        let Some(block) = self.blocks.get(self.block) else { return Ok(false) };
        if let Some(memory) = block.host_range(offset, self.page.len()).filter(|memory| memory.len() == self.page.len())
        {
            return Ok(memory.is_zero());
        }
        block.read(offset, &mut self.page).map_err(io::Error::other)?;
        Ok(crate::ram::is_zero(&self.page))
    }

    /// Sends the packet, unless it is empty.
    fn flush(&mut self) -> io::Result<()> {
        if self.pages() > 0 {
            self.send(0)?;
        }
        Ok(())
    }

    fn send(&mut self, flags: u32) -> io::Result<()> {
        let idstr = self.blocks.get(self.block).filter(|_| self.pages() > 0).map_or("", |block| block.idstr());
        self.head.fill(idstr, &self.normal, &self.zero);
        let bytes = match &self.compressor {
            Some(_) if self.pages() > 0 => self.write_compressed(flags)?,
            _ => self.write_pages(flags)?,
        };
        let (normal, zero) = (self.normal.len() as u64, self.zero.len() as u64);
        self.shared.sent(Sent { normal, zero, bytes: bytes as u64 });
        self.normal.clear();
        self.zero.clear();
        Ok(())
    }

    /// Writes the packet. Returns its size.
    fn write_pages(&mut self, flags: u32) -> io::Result<usize> {
        let size = self.normal.len() * self.page.len();
        let head = self.head.finish(flags, self.numbers.fetch_add(1, Ordering::Relaxed), size);
        if let Some(block) = self.blocks.get(self.block) {
            write_packet(&mut self.output, head, block, &self.normal, &mut self.page)?;
        }
        Ok(head.len() + size)
    }

    /// Writes the packet with compressed pages. Returns its size.
    ///
    /// The pages are copied first, because the guest may write them, and a codec that reads a byte twice expects the same
    /// value.
    fn write_compressed(&mut self, flags: u32) -> io::Result<usize> {
        let (Some(compressor), Some(block)) = (&mut self.compressor, self.blocks.get(self.block)) else { return Ok(0) };
        compressor.clear();
        for offset in &self.normal {
            block.read(*offset, &mut self.page).map_err(io::Error::other)?;
            compressor.add(&self.page)?;
        }
        let flags = flags | flags_of(compressor.compression());
        let content = if self.normal.is_empty() { &[][..] } else { compressor.finish()? };
        let head = self.head.finish(flags, self.numbers.fetch_add(1, Ordering::Relaxed), content.len());
        self.output.write_all(head)?;
        self.output.write_all(content)?;
        Ok(head.len() + content.len())
    }
}

/// The most pages that are written at once.
#[cfg(all(target_os = "linux", feature = "mapping"))]
const PARTS: usize = 128;

/// Writes a head and pages from their place in memory.
#[cfg(all(target_os = "linux", feature = "mapping"))]
fn write_packet(output: &mut File, head: &[u8], block: &Block, normal: &[u64], page: &mut [u8]) -> io::Result<()> {
    use crate::memory::{Gather, HostRange};

    let range = |offset: &u64| block.host_range(*offset, page.len()).filter(|memory| memory.len() == page.len());
    if normal.iter().any(|offset| range(offset).is_none()) {
        return copy_packet(output, head, block, normal, page);
    }
    let empty = HostRange::from(&[][..]);
    let mut rest = head;
    let mut chunks = normal.chunks(PARTS);
    loop {
        let pages = chunks.next().unwrap_or_default();
        let mut parts = [Gather::from(empty); PARTS + 1];
        parts[0] = Gather::from(rest);
        for (part, offset) in parts[1..].iter_mut().zip(pages) {
            *part = Gather::from(range(offset).unwrap_or(empty));
        }
        write_all(output, &mut parts[..=pages.len()])?;
        rest = &[];
        if pages.len() < PARTS {
            return Ok(());
        }
    }
}

#[cfg(all(target_os = "linux", feature = "mapping"))]
fn write_all(output: &File, mut parts: &mut [crate::memory::Gather<'_>]) -> io::Result<()> {
    use crate::memory::{Gather, write_gathered};
    Gather::advance(&mut parts, 0);
    while !parts.is_empty() {
        match write_gathered(output, parts) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => Gather::advance(&mut parts, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(not(all(target_os = "linux", feature = "mapping")))]
use copy_packet as write_packet;

/// Writes a head and copies of pages.
fn copy_packet(output: &mut File, head: &[u8], block: &Block, normal: &[u64], page: &mut [u8]) -> io::Result<()> {
    output.write_all(head)?;
    for offset in normal {
        block.read(*offset, page).map_err(io::Error::other)?;
        output.write_all(page)?;
    }
    Ok(())
}
