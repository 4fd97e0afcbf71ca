//! Blocks of guest memory.

use std::ops::Range;

use vmstate_types::{LoadError, Reader, SaveError};

/// A block of guest memory (QEMU's `RAMBlock`).
///
/// Offsets and lengths are multiples of the page size, and their ranges are within the block.
///
/// ```
/// use std::ops::Range;
///
/// use vmstate::ram::RamBlock;
/// use vmstate::{LoadError, SaveError};
///
/// /// Memory whose size is a multiple of the page size.
/// struct Sram(Box<[u8]>);
///
/// impl Sram {
///     fn range(offset: u64, length: usize) -> Option<Range<usize>> {
///         let start = usize::try_from(offset).ok()?;
///         Some(start..start.checked_add(length)?)
///     }
/// }
///
/// impl RamBlock for Sram {
///     fn idstr(&self) -> &str {
///         "sram"
///     }
///
///     fn size(&self) -> u64 {
///         self.0.len() as u64
///     }
///
///     fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), SaveError> {
///         let memory = self.slice(offset, page.len()).ok_or_else(|| SaveError::misuse("out of range"))?;
///         page.copy_from_slice(memory);
///         Ok(())
///     }
///
///     fn write(&mut self, offset: u64, page: &[u8]) -> Result<(), LoadError> {
///         let range = Self::range(offset, page.len()).and_then(|range| self.0.get_mut(range));
///         range.ok_or_else(|| LoadError::misuse("an offset in the block", offset))?.copy_from_slice(page);
///         Ok(())
///     }
///
///     // Optional: pages are then saved without a copy.
///     fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
///         self.0.get(Self::range(offset, length)?)
///     }
/// }
/// ```
pub trait RamBlock {
    /// Returns the name, such as `pc.ram` or `0000:00:02.0/vga.vram`, of at most 255 bytes.
    fn idstr(&self) -> &str;

    /// Returns the size in bytes.
    fn size(&self) -> u64;

    /// Copies the memory at `offset` into `page`.
    ///
    /// # Errors
    /// Returns an error if the memory cannot be read.
    fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), SaveError>;

    /// Copies `page` into the memory at `offset`.
    ///
    /// # Errors
    /// Returns an error if the memory cannot be written.
    fn write(&mut self, offset: u64, page: &[u8]) -> Result<(), LoadError>;

    /// Returns the `length` bytes at `offset` as a slice, or `None` (the default) if the memory cannot be borrowed; the
    /// saver then falls back to [`read`](Self::read).
    ///
    /// Borrowed pages are saved without a copy. The saver requests a run of pages first, and then a single page, so memory
    /// in several pieces can return what is within one of them. Memory that others change meanwhile, such as a running
    /// guest, must not be borrowed.
    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let _ = (offset, length);
        None
    }

    /// Returns the `length` bytes at `offset` as a mutable slice, or `None` (the default) if the memory cannot be
    /// borrowed; the loader then falls back to [`write`](Self::write).
    ///
    /// Pages are loaded directly into the slice. If a load fails within a page, part of the page has changed until the
    /// load is rolled back.
    fn slice_mut(&mut self, offset: u64, length: usize) -> Option<&mut [u8]> {
        let _ = (offset, length);
        None
    }

    /// Passes the ranges that were written since the last call to `mark`, and clears the dirty log
    /// (`memory_region_sync_dirty_bitmap` in QEMU's `system/memory.c`).
    ///
    /// The pages of the log may be larger or smaller than target pages: a target page is sent if a byte of it is marked. A
    /// machine that runs while its memory is sent needs a dirty log, because pages that change after they were sent must be
    /// sent again. Without one, which is the default, the machine must be stopped.
    fn sync_dirty_log(&self, mark: &mut dyn FnMut(Range<u64>)) {
        let _ = mark;
    }
}

/// Returns the memory at `offset`: borrowed from the block, or a copy in `page`, which has the same length.
pub(super) fn view<'p, B: RamBlock>(block: &'p B, offset: u64, page: &'p mut [u8]) -> Result<&'p [u8], SaveError> {
    match slice(block, offset, page.len()) {
        Some(memory) => Ok(memory),
        None => block.read(offset, page).map(|()| &*page),
    }
}

/// Borrows memory from a block, unless an implementation returns another length than requested.
pub(super) fn slice<B: RamBlock>(block: &B, offset: u64, length: usize) -> Option<&[u8]> {
    block.slice(offset, length).filter(|memory| memory.len() == length)
}

/// Reads the next bytes into the memory at `offset`: directly if the block can be borrowed, or through `page`, which has
/// the same length.
pub(super) fn receive<B: RamBlock>(
    block: &mut B,
    offset: u64,
    reader: &mut Reader<'_>,
    page: &mut [u8],
) -> Result<(), LoadError> {
    if let Some(memory) = block.slice_mut(offset, page.len())
        && memory.len() == page.len()
    {
        return reader.fill(memory);
    }
    reader.fill(page)?;
    block.write(offset, page)
}

/// A block of guest memory in a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VecBlock {
    /// The name.
    pub idstr: String,
    /// The content.
    pub bytes: Vec<u8>,
}

impl VecBlock {
    /// Creates a block with the content `bytes`.
    #[must_use]
    pub fn new(idstr: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { idstr: idstr.into(), bytes }
    }

    /// Returns the range of `length` bytes at `offset`, if it is within the block.
    fn range(&self, offset: u64, length: usize) -> Option<Range<usize>> {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(length)?;
        (end <= self.bytes.len()).then_some(start..end)
    }
}

impl RamBlock for VecBlock {
    fn idstr(&self) -> &str {
        &self.idstr
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), SaveError> {
        let Some(range) = self.range(offset, page.len()) else {
            return Err(SaveError::misuse(format!("offset {offset:#x} is out of range for block `{}`", self.idstr)));
        };
        page.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn write(&mut self, offset: u64, page: &[u8]) -> Result<(), LoadError> {
        let Some(range) = self.range(offset, page.len()) else {
            let expected = format!("an offset within block `{}`", self.idstr);
            return Err(LoadError::misuse(expected, format!("{offset:#x}")));
        };
        self.bytes[range].copy_from_slice(page);
        Ok(())
    }

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        self.bytes.get(self.range(offset, length)?)
    }

    fn slice_mut(&mut self, offset: u64, length: usize) -> Option<&mut [u8]> {
        let range = self.range(offset, length)?;
        self.bytes.get_mut(range)
    }
}
