//! What holds guest memory.

use std::ops::Range;

use vmstate_types::{LoadError, Reader, SaveError};

/// A block of guest memory: QEMU's `RAMBlock`.
///
/// Offsets and lengths that are asked for always lie inside of the block, and are whole pages.
pub trait RamBlock {
    /// The name, such as `pc.ram` or `0000:00:02.0/vga.vram`; at most 255 bytes.
    fn idstr(&self) -> &str;

    /// The size in bytes.
    fn size(&self) -> u64;

    /// Copies the memory at `offset` into `page`.
    ///
    /// # Errors
    /// When the memory cannot be read.
    fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), SaveError>;

    /// Copies `page` into the memory at `offset`.
    ///
    /// # Errors
    /// When the memory cannot be written.
    fn write(&mut self, offset: u64, page: &[u8]) -> Result<(), LoadError>;

    /// Lends the `length` bytes of memory at `offset`, for as long as nobody changes them; `None` if they cannot be lent,
    /// which is the default: then they are [read](Self::read).
    ///
    /// What is lent is saved from where it is, without a copy. More is asked for than one page, and then for that page
    /// alone: memory in several pieces can lend what lies in one of them. Memory that others write to meanwhile, such as a
    /// guest that runs, cannot be lent.
    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let _ = (offset, length);
        None
    }

    /// Lends the `length` bytes of memory at `offset` to be changed; `None` if that cannot be, which is the default: then
    /// they are [written](Self::write).
    ///
    /// Pages are loaded right into what is lent. When a load fails in the middle of a page, a part of it has changed,
    /// until the load is undone.
    fn slice_mut(&mut self, offset: u64, length: usize) -> Option<&mut [u8]> {
        let _ = (offset, length);
        None
    }

    /// Tells `mark` the bytes that were written since this was last asked, and forgets them: a dirty log, as KVM has one.
    ///
    /// The log's pages may be larger or smaller than those that are sent: every page of which a byte is marked goes out.
    /// A machine that runs while its memory is sent needs it, for pages that change after they were sent have to be sent
    /// again. Without one, which is the default, the machine must stand still.
    fn sync_dirty_log(&self, mark: &mut dyn FnMut(Range<u64>)) {
        let _ = mark;
    }
}

/// The memory at `offset`: what the block lends, or else a copy in `page`, which is as long.
pub(super) fn look<'p, B: RamBlock>(block: &'p B, offset: u64, page: &'p mut [u8]) -> Result<&'p [u8], SaveError> {
    match slice(block, offset, page.len()) {
        Some(memory) => Ok(memory),
        None => block.read(offset, page).map(|()| &*page),
    }
}

/// The memory at `offset`, if the block lends it, in the length that was asked for.
pub(super) fn slice<B: RamBlock>(block: &B, offset: u64, length: usize) -> Option<&[u8]> {
    block.slice(offset, length).filter(|memory| memory.len() == length)
}

/// Reads what comes next into the memory at `offset`: right there if the block lends it, or else by way of `page`, which
/// is as long.
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

    /// The bytes that `length` bytes at `offset` are, if they lie in the block.
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
            return Err(SaveError::misuse(format!("offset {offset:#x} is outside of block `{}`", self.idstr)));
        };
        page.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn write(&mut self, offset: u64, page: &[u8]) -> Result<(), LoadError> {
        let Some(range) = self.range(offset, page.len()) else {
            let expected = format!("an offset inside of block `{}`", self.idstr);
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
