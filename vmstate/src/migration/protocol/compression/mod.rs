//! Compression of the pages of data channels.
//!
//! Each channel has one compressed stream for the whole migration, which is flushed at the end of each packet, so that a
//! packet can be decompressed when it has arrived. (QEMU: `migration/multifd-zlib.c`, `migration/multifd-zstd.c`.)

use std::fmt;
use std::io::{self, ErrorKind};

use super::multifd::COMPRESSED;
use crate::migration::parameter::{Compression, Parameters};

#[cfg(feature = "zlib")]
mod zlib;
#[cfg(feature = "zstd")]
mod zstd;

/// A compressing stream.
trait Encode: Send {
    /// Compresses bytes to the end of the output, whose capacity does not change.
    fn encode(&mut self, page: &[u8], output: &mut Vec<u8>) -> io::Result<()>;

    /// Completes the output, so that all bytes so far can be decompressed.
    fn flush(&mut self, output: &mut Vec<u8>) -> io::Result<()>;
}

/// A decompressing stream.
trait Decode: Send {
    /// Decompresses bytes. Returns the numbers of read and of written bytes.
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<(usize, usize)>;
}

/// Compresses the pages of a data channel. It allocates only when it is created.
pub(crate) struct Compressor {
    compression: Compression,
    stream: Box<dyn Encode>,
    output: Vec<u8>,
}

impl Compressor {
    /// Creates the stream that parameters select, or returns `None` without compression.
    ///
    /// # Errors
    /// Returns an error if this build does not support the compression.
    pub(crate) fn new(parameters: &Parameters) -> io::Result<Option<Self>> {
        let compression = parameters.multifd_compression;
        if compression == Compression::None {
            return Ok(None);
        }
        let stream = encoder(parameters)?;
        Ok(Some(Self { compression, stream, output: Vec::with_capacity(COMPRESSED) }))
    }

    /// Returns the compression.
    pub(crate) fn compression(&self) -> Compression {
        self.compression
    }

    /// Adds a page to the packet.
    pub(crate) fn add(&mut self, page: &[u8]) -> io::Result<()> {
        self.stream.encode(page, &mut self.output)
    }

    /// Completes the pages of the packet.
    pub(crate) fn finish(&mut self) -> io::Result<&[u8]> {
        self.stream.flush(&mut self.output)?;
        Ok(&self.output)
    }

    /// Begins the next packet.
    pub(crate) fn clear(&mut self) {
        self.output.clear();
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("compression", &self.compression).finish_non_exhaustive()
    }
}

/// Decompresses the pages of a data channel. It writes only to buffers of the caller, so the output is bounded by the
/// number of pages, and not by the input.
pub(crate) struct Decompressor {
    compression: Compression,
    stream: Box<dyn Decode>,
}

impl Decompressor {
    /// Creates the stream of a compression, or returns `None` without one.
    ///
    /// # Errors
    /// Returns an error if this build does not support the compression.
    pub(crate) fn new(compression: Compression) -> io::Result<Option<Self>> {
        if compression == Compression::None {
            return Ok(None);
        }
        let stream = decoder(compression)?;
        Ok(Some(Self { compression, stream }))
    }

    /// Returns the compression.
    pub(crate) fn compression(&self) -> Compression {
        self.compression
    }

    /// Decompresses the pages of a packet one by one into `page`, and calls `write` after each.
    ///
    /// # Errors
    /// Returns an error if the packet does not decompress to exactly these pages.
    pub(crate) fn pages(
        &mut self,
        mut packet: &[u8],
        page: &mut [u8],
        pages: impl Iterator<Item = u64>,
        mut write: impl FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        for offset in pages {
            if self.fill(&mut packet, page)? < page.len() {
                return Err(invalid("the compressed data of a packet ends within its pages"));
            }
            write(offset, page)?;
        }
        // The flush that ends the packet produces no bytes.
        match self.fill(&mut packet, &mut [0])? {
            0 if packet.is_empty() => Ok(()),
            _ => Err(invalid("the compressed data of a packet exceeds its pages")),
        }
    }

    /// Decompresses bytes until the output is full or the packet ends. Returns the number of bytes.
    fn fill(&mut self, packet: &mut &[u8], output: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = output.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let (read, written) = self.stream.decode(packet, rest)?;
            if (read, written) == (0, 0) {
                break;
            }
            *packet = packet.get(read..).unwrap_or_default();
            filled += written;
        }
        Ok(filled)
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").field("compression", &self.compression).finish_non_exhaustive()
    }
}

fn invalid(found: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, found.into())
}

/// The output of an encoder did not fit, although it has twice the size of the pages.
#[cfg(any(feature = "zlib", feature = "zstd"))]
fn incompressible() -> io::Error {
    invalid("compressed pages are larger than twice their size")
}

fn encoder(parameters: &Parameters) -> io::Result<Box<dyn Encode>> {
    match parameters.multifd_compression {
        #[cfg(feature = "zlib")]
        Compression::Zlib => Ok(Box::new(zlib::Encoder::new(parameters.multifd_zlib_level))),
        #[cfg(feature = "zstd")]
        Compression::Zstd => Ok(Box::new(zstd::Encoder::new(parameters.multifd_zstd_level)?)),
        other => Err(unsupported(other)),
    }
}

fn decoder(compression: Compression) -> io::Result<Box<dyn Decode>> {
    match compression {
        #[cfg(feature = "zlib")]
        Compression::Zlib => Ok(Box::new(zlib::Decoder::new())),
        #[cfg(feature = "zstd")]
        Compression::Zstd => Ok(Box::new(zstd::Decoder::new()?)),
        other => Err(unsupported(other)),
    }
}

fn unsupported(compression: Compression) -> io::Error {
    let text = format!("unsupported `multifd-compression`; build with the feature `{compression}`");
    io::Error::new(ErrorKind::Unsupported, text)
}

#[cfg(all(test, feature = "zlib", feature = "zstd"))]
mod tests;
