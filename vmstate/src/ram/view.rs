//! Access to the pages of a block, without a copy where the block allows it.

use std::ops::Range;

use vmstate_types::{LoadError, Reader};

use super::zero::{is_filled, is_zero};
use crate::memory::{HostRange, MemoryError, RamBlock, prefetch_pages};
use crate::section::Piece;

/// A block during a save: its memory, or the block if others access it.
pub(super) enum View<'m, B> {
    Exclusive(&'m [u8]),
    Shared(&'m B),
}

/// A page of a block.
#[derive(Clone, Copy)]
pub(super) enum Page<'p, 'm> {
    /// Memory that does not change.
    Slice(&'m [u8]),
    /// Memory that others may change.
    Memory(HostRange<'m>),
    /// A copy in a buffer.
    Copied(&'p [u8]),
}

impl<'p, 'm> Page<'p, 'm> {
    /// Returns a part of the memory, or `None` if it exceeds it.
    pub(super) fn part(self, range: Range<usize>) -> Option<Self> {
        match self {
            Self::Slice(bytes) => bytes.get(range).map(Self::Slice),
            Self::Memory(memory) => memory.get(range).map(Self::Memory),
            Self::Copied(bytes) => bytes.get(range).map(Self::Copied),
        }
    }

    /// Prepares the processor for reads of all pages of `size` bytes.
    pub(super) fn prefetch_pages(self, size: usize) {
        match self {
            Self::Slice(bytes) => prefetch_pages(bytes.as_ptr(), bytes.len(), size),
            Self::Copied(bytes) => prefetch_pages(bytes.as_ptr(), bytes.len(), size),
            Self::Memory(memory) => prefetch_pages(memory.as_ptr(), memory.len(), size),
        }
    }

    /// Returns whether all bytes are zero.
    pub(super) fn is_zero(self) -> bool {
        match self {
            Self::Slice(bytes) => is_zero(bytes),
            Self::Memory(memory) => memory.is_zero(),
            Self::Copied(bytes) => is_zero(bytes),
        }
    }
}

impl<'p, 'm: 'p> From<Page<'p, 'm>> for Piece<'p> {
    fn from(page: Page<'p, 'm>) -> Self {
        match page {
            Page::Slice(bytes) => Self::Slice(bytes),
            Page::Memory(memory) => Self::Memory(memory),
            Page::Copied(bytes) => Self::Slice(bytes),
        }
    }
}

/// Returns the views of `blocks`.
pub(super) fn views<B: RamBlock>(blocks: &mut [B]) -> Vec<View<'_, B>> {
    blocks.iter_mut().map(View::new).collect()
}

fn is_exclusive<B: RamBlock>(block: &mut B) -> bool {
    let size = block.size();
    block.exclusive().is_some_and(|memory| memory.len() as u64 == size)
}

impl<'m, B: RamBlock> View<'m, B> {
    fn new(block: &'m mut B) -> Self {
        if is_exclusive(block) {
            // Borrowed again, because the borrow of a condition would last as long as the result.
            return Self::Exclusive(block.exclusive().unwrap_or_default());
        }
        Self::Shared(block)
    }

    /// Returns the page at `offset`, which is copied to `page` if it cannot be borrowed.
    pub(super) fn page<'p>(&self, offset: u64, page: &'p mut [u8]) -> Result<Page<'p, 'm>, MemoryError> {
        match self {
            Self::Exclusive(memory) => {
                let part = range(offset, page.len()).and_then(|range| memory.get(range));
                part.map(Page::Slice)
                    .ok_or_else(|| MemoryError::out_of_range("", memory.len() as u64, offset, page.len()))
            }
            Self::Shared(block) => match host_range(*block, offset, page.len()) {
                Some(memory) => Ok(Page::Memory(memory)),
                None => block.read(offset, page).map(|()| Page::Copied(page)),
            },
        }
    }
}

impl<B: RamBlock> View<'_, B> {
    /// Returns whether all bytes at `offset` are zero. Returns `false` if that needs a copy.
    pub(super) fn is_zero(&self, offset: u64, length: usize) -> bool {
        match self {
            Self::Exclusive(memory) => range(offset, length).and_then(|range| memory.get(range)).is_some_and(is_zero),
            Self::Shared(block) => host_range(*block, offset, length).is_some_and(HostRange::is_zero),
        }
    }

    /// Prepares the processor for reads of the pages of `size` bytes in `length` bytes at `offset`, unless they are copied.
    pub(super) fn prefetch_pages(&self, offset: u64, length: usize, size: usize) {
        let page = match self {
            Self::Exclusive(memory) => range(offset, length).and_then(|range| memory.get(range)).map(Page::Slice),
            Self::Shared(block) => host_range(*block, offset, length).map(Page::Memory),
        };
        page.map(|page| page.prefetch_pages(size)).unwrap_or_default();
    }

    /// Copies the page at `offset`.
    pub(super) fn copy(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        match self {
            Self::Shared(block) => block.read(offset, into),
            Self::Exclusive(memory) => {
                let part = range(offset, into.len()).and_then(|range| memory.get(range));
                let part =
                    part.ok_or_else(|| MemoryError::out_of_range("", memory.len() as u64, offset, into.len()))?;
                into.copy_from_slice(part);
                Ok(())
            }
        }
    }
}

/// Returns the memory at `offset` if it has one address.
pub(super) fn host_range<B: RamBlock>(block: &B, offset: u64, length: usize) -> Option<HostRange<'_>> {
    block.host_range(offset, length).filter(|memory| memory.len() == length)
}

/// Returns the memory at `offset`: borrowed from the block, or a copy in `page`, which has the same length.
pub(super) fn view<'p, B: RamBlock>(
    block: &'p mut B,
    offset: u64,
    page: &'p mut [u8],
) -> Result<&'p [u8], MemoryError> {
    if exclusive(block, offset, page.len()).is_some() {
        // Borrowed again: the borrow checker would extend the first borrow to the read below.
        return Ok(exclusive(block, offset, page.len()).unwrap_or_default());
    }
    block.read(offset, page)?;
    Ok(page)
}

/// Returns whether all bytes at `offset` are `fill`, without a copy if the block can be borrowed or its memory has an
/// address. The copy is made in `page`, which has the same length.
pub(super) fn is_filled_at<B: RamBlock>(
    block: &mut B,
    offset: u64,
    fill: u8,
    page: &mut [u8],
) -> Result<bool, MemoryError> {
    if let Some(memory) = exclusive(block, offset, page.len()) {
        return Ok(is_filled(memory, fill));
    }
    if let Some(memory) = host_range(block, offset, page.len()).filter(|_| fill == 0) {
        return Ok(memory.is_zero());
    }
    block.read(offset, page)?;
    Ok(is_filled(page, fill))
}

/// The most bytes of a page that are written from the reader's buffer. More of them bypass it.
const BUFFERED: usize = 8192;

/// Reads the next bytes into the memory at `offset`: directly if the block can be borrowed, from the reader's buffer, or
/// through `page`, which has the same length.
pub(super) fn receive<B: RamBlock>(
    block: &mut B,
    offset: u64,
    reader: &mut Reader<'_>,
    page: &mut [u8],
) -> Result<(), LoadError> {
    if let Some(memory) = exclusive(block, offset, page.len()) {
        return reader.fill(memory);
    }
    if page.len() <= BUFFERED {
        return Ok(block.write(offset, reader.take(page.len())?)?);
    }
    // Memory that has an address needs no copy if the bytes come from a file.
    let done = host_range(block, offset, page.len()).map_or(Ok(0), |memory| read_from_file(memory, reader))?;
    let page = page.get_mut(done..).unwrap_or_default();
    reader.fill(page)?;
    Ok(block.write(offset + done as u64, page)?)
}

/// Reads the next bytes of a file into memory, as many as the system permits. Returns their number.
#[cfg(all(target_os = "linux", feature = "mapping"))]
fn read_from_file(memory: HostRange<'_>, reader: &mut Reader<'_>) -> Result<usize, LoadError> {
    let mut done = memory.len().min(reader.buffered().len());
    memory.write(0, reader.take(done)?);
    while let Some(rest) = memory.get(done..memory.len()).filter(|rest| !rest.is_empty()) {
        let Some(file) = reader.file() else { break };
        // The end of the file and errors are reported by the read that follows, which can also do without access to the memory.
        let Ok(count @ 1..) = crate::memory::read_memory_at(file, rest, reader.offset()) else { break };
        reader.skip(count as u64)?;
        done += count;
    }
    Ok(done)
}

#[cfg(not(all(target_os = "linux", feature = "mapping")))]
fn read_from_file(_: HostRange<'_>, _: &mut Reader<'_>) -> Result<usize, LoadError> {
    Ok(0)
}

/// Counts the zero pages of `size` bytes at the beginning of the `length` bytes at `offset`, as far as they have an
/// address.
pub(super) fn zero_pages<B: RamBlock>(block: &mut B, offset: u64, length: usize, size: usize) -> u64 {
    if let Some(memory) = exclusive(block, offset, length) {
        return memory.chunks_exact(size).take_while(|page| is_zero(page)).count() as u64;
    }
    let Some(memory) = block.host_range(offset, length) else { return 0 };
    let pages = (0..memory.len() / size).map_while(|page| memory.get(page * size..(page + 1) * size));
    pages.take_while(|page| page.is_zero()).count() as u64
}

fn exclusive<B: RamBlock>(block: &mut B, offset: u64, length: usize) -> Option<&mut [u8]> {
    block.exclusive()?.get_mut(range(offset, length)?)
}

pub(super) fn range(offset: u64, length: usize) -> Option<Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    Some(start..start.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::VecBlock;

    fn block() -> VecBlock {
        VecBlock::new("a", (0..=255).cycle().take(1024).collect())
    }

    #[cfg(all(target_os = "linux", feature = "mapping"))]
    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support pread")]
    fn file_is_read_into_memory_without_a_buffer() {
        use std::io::Write;

        const SIZE: usize = 100_000;

        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..=250).cycle().take(3 * SIZE).collect();
        file.write_all(&bytes).unwrap();
        let memory = std::sync::Arc::new(crate::memory::MappingOptions::anonymous().map("a", 1 << 20).unwrap());
        // Shared, so that it cannot be borrowed.
        let mut block = memory.clone();
        let mut reader = crate::section::read_file(&file, 0).unwrap();
        reader.u8().unwrap();
        let mut page = vec![0; SIZE];
        receive(&mut block, 4096, &mut reader, &mut page).unwrap();
        assert_eq!(reader.offset(), 1 + SIZE as u64);
        assert!(page.iter().all(|byte| *byte == 0), "the buffer is not used");
        assert!(memory.memory().to_vec()[4096..4096 + SIZE] == bytes[1..=SIZE]);
        let error = receive(&mut block, 0, &mut reader, &mut vec![0; 3 * SIZE]).unwrap_err();
        assert_eq!(error.found(), "the end of the stream after 0");
        assert!(memory.memory().to_vec()[..2 * SIZE - 1] == bytes[SIZE + 1..]);
    }

    #[test]
    fn views_of_both_kinds_copy_the_same_pages() {
        let (mut exclusive, shared) = (block(), block());
        let views = [View::new(&mut exclusive), View::Shared(&shared)];
        assert!(matches!(views[0], View::Exclusive(_)));
        for view in views {
            let mut page = [0; 256];
            view.copy(256, &mut page).unwrap();
            assert!(page.iter().copied().eq(0..=255));
            assert!(view.copy(1000, &mut page).is_err());
            assert!(!view.page(512, &mut [0; 256]).unwrap().is_zero());
        }
    }

    /// A block of which only the first 512 bytes have an address.
    struct Split(VecBlock);

    impl RamBlock for Split {
        fn idstr(&self) -> &str {
            self.0.idstr()
        }

        fn size(&self) -> u64 {
            self.0.size()
        }

        fn host_range(&self, offset: u64, length: usize) -> Option<HostRange<'_>> {
            self.0.host_range(offset, length.min(512_usize.saturating_sub(usize::try_from(offset).ok()?)))
        }

        fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
            self.0.read(offset, into)
        }

        fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
            self.0.write(offset, from)
        }
    }

    #[test]
    fn parts_of_pages_with_an_address_are_not_borrowed() {
        let mut bytes = vec![0; 1024];
        bytes[700] = 1;
        let mut block = Split(VecBlock::new("a", bytes.clone()));
        let mut page = vec![9; 1024];
        assert!(matches!(View::new(&mut block).page(0, &mut page).unwrap(), Page::Copied(copy) if copy == bytes));
        assert!(matches!(View::new(&mut block).page(256, &mut page[..256]).unwrap(), Page::Memory(_)));
        assert!(!is_filled_at(&mut block, 0, 0, &mut page).unwrap());
        let view = View::new(&mut block);
        assert!(view.is_zero(0, 512) && !view.is_zero(0, 1024) && !view.is_zero(512, 256));
    }

    #[test]
    fn zero_pages_at_the_beginning_are_counted() {
        for (nonzero, expected) in [(0, 0), (255, 0), (256, 1), (511, 1), (700, 2), (1023, 2)] {
            let mut bytes = vec![0; 1024];
            bytes[nonzero] = 1;
            let mut split = Split(VecBlock::new("a", bytes));
            assert_eq!(zero_pages(&mut split, 0, 1024, 256), expected, "{nonzero}");
            assert_eq!(zero_pages(&mut split.0, 0, 768, 256), (nonzero as u64 / 256).min(3), "{nonzero}");
        }
    }
}
