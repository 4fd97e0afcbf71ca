//! The files of an incremental snapshot and its bases, read as the file of one complete snapshot.
//!
//! The stream is the one of the last file. The pages that the file does not cover, and the bitmaps of pages, come from the
//! files before it.

mod bits;
mod build;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

pub(in crate::snapshot) use self::bits::bytes_of;
pub(in crate::snapshot) use self::build::{BlockPlaces, Link, MAX_LENGTH, Pages, check_blocks};
use crate::memory::DirtyBitmap;

/// The first bytes of a stream. An incremental file has others, so that it is not loaded without its bases.
const MAGIC: [u8; 4] = *b"QEVM";
/// The first bytes of an incremental file.
pub(in crate::snapshot) const INCREMENTAL_MAGIC: [u8; 4] = *b"QEVD";

/// The files, with the places of their pages.
#[derive(Debug)]
pub(in crate::snapshot) struct Chain {
    /// The files, the last one first.
    files: Vec<File>,
    /// The length of the stream.
    length: u64,
    /// The parts that do not come from the last file, in ascending order.
    regions: Vec<Region>,
}

/// A part of the file.
#[derive(Debug)]
struct Region {
    range: Range<u64>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Bytes(Vec<u8>),
    Pages(u64, Vec<Part>),
}

/// The pages of a block that come from one file. No other file has them.
#[derive(Debug)]
struct Part {
    file: usize,
    /// The place of the first page in the file.
    place: u64,
    present: DirtyBitmap,
}

impl Chain {
    /// Returns the last file.
    #[cfg(all(target_os = "linux", feature = "mapping"))]
    pub(in crate::snapshot) fn last(&self) -> &File {
        // A chain has at least one file.
        &self.files[0]
    }

    /// Reads some bytes. Returns 0 only at the end, or for an empty buffer.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let next = self.regions.partition_point(|region| region.range.end <= offset);
        let region = self.regions.get(next);
        let (end, inside) = match region {
            Some(region) if region.range.start <= offset => (region.range.end, Some(region)),
            Some(region) => (region.range.start, None),
            None => (self.length, None),
        };
        let rest = usize::try_from(end.min(self.length).saturating_sub(offset)).unwrap_or(usize::MAX);
        let most = buffer.len().min(rest);
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        match inside {
            Some(region) => self.read_region(region, buffer, offset - region.range.start)?,
            None => self.file(0)?.read_exact_at(buffer, offset)?,
        }
        Ok(buffer.len())
    }

    fn file(&self, index: usize) -> io::Result<&File> {
        self.files.get(index).ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Reads bytes of a region, which has all of them.
    fn read_region(&self, region: &Region, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match &region.content {
            Content::Bytes(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let part = bytes.get(start..).and_then(|rest| rest.get(..buffer.len()));
                buffer.copy_from_slice(part.ok_or(ErrorKind::UnexpectedEof)?);
                Ok(())
            }
            Content::Pages(page_size, parts) => {
                buffer.fill(0);
                parts.iter().try_for_each(|part| self.read_part(part, *page_size, buffer, offset))
            }
        }
    }

    /// Reads the pages of one file into a buffer whose first byte is at `offset` of the block.
    fn read_part(&self, part: &Part, page_size: u64, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.saturating_add(buffer.len() as u64);
        let (mut next, last) = (offset / page_size, end.div_ceil(page_size));
        while let Some(run) = part.present.run_from(next, last - next).filter(|run| run.start < last) {
            let bytes = (run.start * page_size).max(offset)..(run.end * page_size).min(end);
            let [from, to] = [bytes.start, bytes.end].map(|at| usize::try_from(at - offset).unwrap_or(usize::MAX));
            let wanted = buffer.get_mut(from..to).unwrap_or_default();
            self.file(part.file)?.read_exact_at(wanted, part.place.saturating_add(bytes.start))?;
            next = run.end.min(last);
            if next >= last {
                break;
            }
        }
        Ok(())
    }

    /// Fills the buffer.
    pub(in crate::snapshot) fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(buffer, offset)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => {
                    buffer = buffer.get_mut(count..).unwrap_or_default();
                    offset = offset.saturating_add(count as u64);
                }
            }
        }
        Ok(())
    }

    /// Copies all to an empty file, in which zero pages are holes.
    pub(in crate::snapshot) fn copy_to(&self, out: &File) -> io::Result<()> {
        let mut buffer = vec![0; COPY];
        let mut next = 0;
        for region in &self.regions {
            self.copy_range(next..region.range.start, out, &mut buffer)?;
            next = region.range.end;
            match &region.content {
                Content::Bytes(_) => self.copy_range(region.range.clone(), out, &mut buffer)?,
                Content::Pages(page_size, parts) => {
                    let runs = parts.iter().flat_map(|part| part.present.runs());
                    for run in runs {
                        let start = region.range.start + run.start * page_size;
                        let end = (region.range.start + run.end * page_size).min(region.range.end);
                        self.copy_range(start..end, out, &mut buffer)?;
                    }
                }
            }
        }
        self.copy_range(next..self.length, out, &mut buffer)?;
        out.set_len(self.length)
    }

    fn copy_range(&self, range: Range<u64>, out: &File, buffer: &mut [u8]) -> io::Result<()> {
        let mut next = range.start;
        while next < range.end {
            let rest = usize::try_from(range.end - next).unwrap_or(usize::MAX);
            let most = buffer.len().min(rest);
            let chunk = buffer.get_mut(..most).unwrap_or_default();
            self.read_exact_at(chunk, next)?;
            out.write_all_at(chunk, next)?;
            next += chunk.len() as u64;
        }
        Ok(())
    }
}

/// The bytes that are copied at once.
const COPY: usize = 256 * 1024;

/// A reader of a chain from its start.
#[derive(Debug, Clone)]
pub(in crate::snapshot) struct ChainReader {
    chain: Arc<Chain>,
    position: u64,
}

impl ChainReader {
    pub(in crate::snapshot) fn new(chain: Arc<Chain>) -> Self {
        Self { chain, position: 0 }
    }
}

impl Read for ChainReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.chain.read_at(buffer, self.position)?;
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for ChainReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.chain.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
