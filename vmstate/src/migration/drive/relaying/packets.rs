//! Packets of data channels, which are received with any compression and sent with another one.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};

use crate::memory::PageSize;
use crate::migration::parameter::{Compression, Parameters};
use crate::migration::protocol::compression::{Compressor, Decompressor};
use crate::migration::protocol::multifd::{COMPRESSED, Head, PACKET, PacketHead, SYNC, flags_of, head_size};
use crate::migration::relay::Pages;

/// The pages of a packet, all of one block.
pub(super) struct Packet<'p> {
    /// The channels synchronize after this packet.
    pub(super) sync: bool,
    block: &'p str,
    normal: Vec<u64>,
    zero: Vec<u64>,
    /// The content of the normal pages.
    content: &'p [u8],
}

impl Packet<'_> {
    pub(super) fn pages(&self) -> Pages<'_> {
        Pages::new(self.block, &self.normal, &self.zero, self.content)
    }
}

/// Receives the packets of one channel. It allocates at most 2 MiB.
pub(super) struct Receiver {
    page_size: PageSize,
    head: Vec<u8>,
    /// The content of the packet, as it was sent.
    sent: Vec<u8>,
    /// The decompressed pages.
    pages: Vec<u8>,
    page: Vec<u8>,
    decompressor: Option<Decompressor>,
}

impl Receiver {
    pub(super) fn new(page_size: PageSize) -> Self {
        let page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
        let head = vec![0; head_size(page_size)];
        let (sent, pages) = (Vec::with_capacity(COMPRESSED), Vec::with_capacity(PACKET));
        Self { page_size, head, sent, pages, page, decompressor: None }
    }

    /// Receives a packet; `None` at the end of the channel.
    pub(super) fn receive(&mut self, mut input: &File) -> io::Result<Option<Packet<'_>>> {
        if !read_or_end(input, &mut self.head)? {
            return Ok(None);
        }
        let invalid = |error| io::Error::new(ErrorKind::InvalidData, error);
        let (head, _) = Head::decode_compressed(&self.head).map_err(invalid)?;
        let compression = if head.normal().len() == 0 { Compression::None } else { compression_of(&head)? };
        let head = Head::decode(&self.head, self.page_size, compression).map_err(invalid)?;
        self.sent.resize(head.size, 0);
        input.read_exact(&mut self.sent)?;
        let content = if compression == Compression::None {
            &self.sent
        } else {
            let decompressor = decompressor(&mut self.decompressor, compression)?;
            self.pages.clear();
            let pages = &mut self.pages;
            decompressor.pages(&self.sent, &mut self.page, head.normal(), |_, page| {
                pages.extend_from_slice(page);
                Ok(())
            })?;
            &self.pages
        };
        let (normal, zero) = (head.normal().collect(), head.zero().collect());
        Ok(Some(Packet { sync: head.sync, block: head.block, normal, zero, content }))
    }
}

fn compression_of(head: &Head<'_>) -> io::Result<Compression> {
    head.compression().ok_or_else(|| {
        let message = "unknown compression of a packet; set `multifd-compression` of the source to none, zlib or zstd";
        io::Error::new(ErrorKind::InvalidData, message)
    })
}

/// Returns the decompressor of the channel, which has one compressed stream.
fn decompressor(found: &mut Option<Decompressor>, compression: Compression) -> io::Result<&mut Decompressor> {
    if found.as_ref().is_none_or(|found| found.compression() != compression) {
        *found = Decompressor::new(compression)?;
    }
    found.as_mut().ok_or_else(|| ErrorKind::Unsupported.into())
}

/// Fills a buffer. Returns `false` if the channel ends before its first byte.
fn read_or_end(mut input: &File, buffer: &mut [u8]) -> io::Result<bool> {
    let Some((first, rest)) = buffer.split_at_mut_checked(1) else { return Ok(false) };
    loop {
        match input.read(first) {
            Ok(0) => return Ok(false),
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    input.read_exact(rest)?;
    Ok(true)
}

/// Sends the packets of one channel. It allocates only when it is created.
pub(super) struct Sender {
    output: File,
    head: PacketHead,
    compressor: Option<Compressor>,
    page: usize,
}

impl Sender {
    pub(super) fn new(output: File, page_size: PageSize, parameters: &Parameters) -> io::Result<Self> {
        let page = usize::try_from(page_size.bytes()).unwrap_or(usize::MAX);
        Ok(Self { output, head: PacketHead::new(page_size), compressor: Compressor::new(parameters)?, page })
    }

    /// Sends pages. `number` counts the packets of all channels.
    pub(super) fn send(&mut self, pages: Pages<'_>, number: u64) -> io::Result<()> {
        self.head.fill(pages.block, pages.normal, pages.zero);
        let (mut flags, mut content) = (0, pages.content);
        if let Some(compressor) = &mut self.compressor {
            flags = flags_of(compressor.compression());
            if !content.is_empty() {
                compressor.clear();
                content.chunks(self.page).try_for_each(|page| compressor.add(page))?;
                content = compressor.finish()?;
            }
        }
        self.output.write_all(self.head.finish(flags, number, content.len()))?;
        self.output.write_all(content)
    }

    /// Sends the packet with which the channels synchronize.
    pub(super) fn synchronize(&mut self, number: u64) -> io::Result<()> {
        self.head.fill("", &[], &[]);
        self.output.write_all(self.head.finish(SYNC, number, 0))
    }
}
