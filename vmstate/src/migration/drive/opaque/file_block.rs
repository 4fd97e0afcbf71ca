//! Blocks of guest memory in a file, for guests that do not run here.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::memory::{DirtyBitmap, MemoryError, RamBlock};
use crate::ram::{BlockHeader, is_zero};

/// A block in a file. Pages that were never written, and pages of zeros, take no space.
///
/// The file is read and written, not mapped: a full disk is an error, and not a signal.
#[derive(Debug)]
pub(super) struct FileBlock {
    idstr: String,
    size: u64,
    file: Arc<File>,
    /// The offset of the block in the file.
    start: u64,
    /// The pages that are in the file. All others are zero.
    present: DirtyBitmap,
    /// The bytes that were written to all blocks.
    written: Arc<AtomicU64>,
}

/// The size of the pages in the file, which does not depend on the guest.
pub(super) const PAGE: u64 = 4096;

/// The memory of a guest in a file.
#[derive(Debug, Clone)]
pub(super) struct PageFile {
    file: Arc<File>,
    /// The most bytes of memory.
    pub(super) limit: u64,
    /// The bytes that were written to all blocks.
    pub(super) written: Arc<AtomicU64>,
    /// The size of all blocks.
    pub(super) size: Arc<AtomicU64>,
}

impl PageFile {
    pub(super) fn new(file: File, limit: u64) -> Self {
        Self { file: Arc::new(file), limit, written: Arc::default(), size: Arc::default() }
    }

    /// Creates the next block of a list.
    pub(super) fn create(&self, header: &BlockHeader) -> Result<FileBlock, MemoryError> {
        let start = self.size.load(Ordering::Relaxed);
        let end = start.checked_add(header.size).and_then(|end| end.checked_next_multiple_of(PAGE));
        let Some(end) = end.filter(|end| *end <= self.limit) else {
            let limit = self.limit;
            let text = format!("expected at most {limit:#x} bytes of guest memory, found more; raise the limit");
            return Err(MemoryError::custom(text));
        };
        self.size.store(end, Ordering::Relaxed);
        Ok(FileBlock {
            idstr: header.idstr.clone(),
            size: header.size,
            file: Arc::clone(&self.file),
            start,
            present: DirtyBitmap::new(header.size.div_ceil(PAGE)),
            written: Arc::clone(&self.written),
        })
    }
}

impl FileBlock {
    fn check(&self, offset: u64, length: usize) -> Result<(), MemoryError> {
        let end = offset.checked_add(length as u64);
        match end {
            Some(end) if end <= self.size => Ok(()),
            _ => Err(MemoryError::out_of_range(&self.idstr, self.size, offset, length)),
        }
    }

    fn failed(&self, operation: &'static str) -> impl Fn(io::Error) -> MemoryError {
        move |source| {
            let remedy = "free space on the disk of the temporary files, or choose another one";
            MemoryError::System { operation, idstr: self.idstr.clone(), remedy, source }
        }
    }

    /// Writes a part of a page, which is not present yet if it is zero.
    fn write_part(&self, page: u64, offset: u64, part: &[u8]) -> io::Result<()> {
        let whole = part.len() as u64 == PAGE;
        if is_zero(part) && (whole || !self.present.contains(page)) {
            self.present.remove(page);
            return Ok(());
        }
        if !whole && !self.present.contains(page) {
            // The file may have an outdated page at this place.
            self.file.write_all_at(&[0; PAGE as usize], self.start + page * PAGE)?;
        }
        self.file.write_all_at(part, self.start + offset)?;
        self.present.insert(page);
        Ok(())
    }

    fn read_part(&self, page: u64, offset: u64, part: &mut [u8]) -> io::Result<()> {
        if self.present.contains(page) {
            return self.file.read_exact_at(part, self.start + offset);
        }
        part.fill(0);
        Ok(())
    }
}

/// Returns the parts of a range in each page: the number of the page, and the offset and length of the part.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, u64, usize)> {
    let end = offset + length as u64;
    let mut next = offset;
    std::iter::from_fn(move || {
        let (page, start) = (next / PAGE, next);
        next = end.min((page + 1) * PAGE);
        (start < end).then(|| (page, start, usize::try_from(next - start).unwrap_or(0)))
    })
}

impl RamBlock for FileBlock {
    fn idstr(&self) -> &str {
        &self.idstr
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        self.check(offset, into.len())?;
        let mut rest = into;
        for (page, start, length) in parts(offset, rest.len()) {
            let (part, after) = rest.split_at_mut(length);
            self.read_part(page, start, part).map_err(self.failed("reading"))?;
            rest = after;
        }
        Ok(())
    }

    fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
        self.check(offset, from.len())?;
        let mut rest = from;
        for (page, start, length) in parts(offset, from.len()) {
            let (part, after) = rest.split_at(length);
            self.write_part(page, start, part).map_err(self.failed("writing"))?;
            rest = after;
        }
        self.written.fetch_add(from.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(limit: u64) -> PageFile {
        PageFile::new(tempfile::tempfile().unwrap(), limit)
    }

    fn blocks() -> Vec<FileBlock> {
        let memory = memory(1 << 20);
        let list = [BlockHeader::new("ram", 3 * 4096 - 256), BlockHeader::new("rom", 4096)];
        list.iter().map(|header| memory.create(header).unwrap()).collect()
    }

    fn read(block: &FileBlock, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0xee; length];
        block.read(offset, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn pages_become_present_and_zero_again() {
        let blocks = blocks();
        assert_eq!(read(&blocks[0], 0, 3 * 4096 - 256), vec![0; 3 * 4096 - 256]);
        blocks[0].write(4096, &[7; 4096]).unwrap();
        blocks[1].write(0, &[9; 4096]).unwrap();
        assert_eq!(read(&blocks[0], 4000, 200), [&[0; 96][..], &[7; 104]].concat());
        blocks[0].write(4096, &[0; 4096]).unwrap();
        assert_eq!(read(&blocks[0], 0, 3 * 4096 - 256), vec![0; 3 * 4096 - 256]);
        // The outdated page in the file does not return with a part of it.
        blocks[0].write(4096 + 8, &[1; 8]).unwrap();
        assert_eq!(read(&blocks[0], 4096, 24), [[0; 8], [1; 8], [0; 8]].concat());
        blocks[0].write(4096 + 8, &[0; 8]).unwrap();
        assert_eq!(read(&blocks[0], 4096, 4096), vec![0; 4096]);
        blocks[0].write(2 * 4096 + 256, &[2; 256]).unwrap();
        assert_eq!(read(&blocks[0], 2 * 4096, 600), [&[0; 256][..], &[2; 256], &[0; 88]].concat());
        assert_eq!(read(&blocks[1], 0, 4096), vec![9; 4096]);
    }

    #[test]
    fn accesses_are_checked() {
        let blocks = blocks();
        assert!(blocks[1].read(1, &mut [0; 4096]).is_err());
        assert!(blocks[1].write(u64::MAX, &[0; 2]).is_err());
        blocks[1].write(4096, &[]).unwrap();
    }

    #[test]
    fn announced_memory_is_limited() {
        for sizes in [[1 << 30, 1], [u64::MAX, 2], [1, u64::MAX]] {
            let memory = memory(1 << 30);
            let created: Result<Vec<_>, _> =
                sizes.iter().map(|size| memory.create(&BlockHeader::new("ram", *size))).collect();
            let error = created.unwrap_err().to_string();
            assert!(error.contains("bytes of guest memory, found more"), "{error}");
        }
    }
}
