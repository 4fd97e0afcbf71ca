//! What holds guest memory.

use std::ops::Range;

use vmstate_types::{LoadError, SaveError};

/// A block of guest memory: QEMU's `RAMBlock`.
///
/// Offsets and lengths that are asked for always lie inside of the block, and are whole pages.
pub trait Block {
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

    /// Tells `mark` the bytes that were written since this was last asked, and forgets them: a dirty log, as KVM has one.
    ///
    /// The log's pages may be larger or smaller than those that are sent: every page of which a byte is marked goes out.
    /// A machine that runs while its memory is sent needs it, for pages that change after they were sent have to be sent
    /// again. Without one, which is the default, the machine must stand still.
    fn take_dirty(&self, mark: &mut dyn FnMut(Range<u64>)) {
        let _ = mark;
    }
}

/// A block of guest memory in a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VecBlock {
    /// The name.
    pub idstr: String,
    /// The memory.
    pub bytes: Vec<u8>,
}

impl VecBlock {
    /// Makes a block of `bytes`.
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

impl Block for VecBlock {
    fn idstr(&self) -> &str {
        &self.idstr
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), SaveError> {
        let Some(range) = self.range(offset, page.len()) else {
            return Err(SaveError::new(format!("offset {offset:#x} is outside of block `{}`", self.idstr)));
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
}
