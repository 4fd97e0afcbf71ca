//! The blocks of a machine's memory.

use super::invalid_blocks;
use super::{DirtyBitmap, InvalidBlocks, PageSize, RamBlock, Sharing};

/// The names and sizes of all blocks, in the order in which they are sent.
///
/// A block is identified by its number in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    page_size: PageSize,
    blocks: Vec<BlockLayout>,
    size: u64,
}

/// The name and the size of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockLayout {
    /// The name.
    pub idstr: String,
    /// The size in bytes.
    pub size: u64,
    /// The size of the host's pages that back the block.
    pub host_page_size: u64,
    /// The guest address.
    pub guest_address: u64,
    /// The way in which other processes get the memory.
    pub sharing: Sharing,
}

impl Layout {
    /// Creates the layout of `blocks`, with target pages of `page_size`.
    ///
    /// # Errors
    /// Returns an error if a block is empty, its size is not a multiple of the page size, or its name is longer than 255
    /// bytes.
    pub fn new<B: RamBlock>(page_size: PageSize, blocks: impl IntoIterator<Item = B>) -> Result<Self, InvalidBlocks> {
        let block = |block: B| BlockLayout {
            idstr: block.idstr().to_owned(),
            size: block.size(),
            host_page_size: block.host_page_size(),
            guest_address: block.guest_address(),
            sharing: block.sharing(),
        };
        let blocks: Vec<_> = blocks.into_iter().map(block).collect();
        let size = invalid_blocks::check(blocks.iter().map(|block| (&*block.idstr, block.size)), page_size)?;
        Ok(Self { page_size, blocks, size })
    }

    /// Creates the layout of a machine without memory.
    pub(crate) fn empty(page_size: PageSize) -> Self {
        Self { page_size, blocks: Vec::new(), size: 0 }
    }

    /// Returns the size of target pages.
    #[must_use]
    pub fn page_size(&self) -> PageSize {
        self.page_size
    }

    /// Returns the blocks.
    #[must_use]
    pub fn blocks(&self) -> &[BlockLayout] {
        &self.blocks
    }

    /// Returns the sum of all sizes in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the number of the block `idstr`.
    #[must_use]
    pub fn find(&self, idstr: &str) -> Option<usize> {
        self.blocks.iter().position(|block| block.idstr == idstr)
    }

    /// Returns the number of target pages of a block, 0 if it is unknown.
    #[must_use]
    pub fn pages(&self, block: usize) -> u64 {
        self.blocks.get(block).map_or(0, |block| block.size / self.page_size.bytes())
    }

    /// Creates an empty bitmap for each block.
    #[must_use]
    pub fn bitmaps(&self) -> Vec<DirtyBitmap> {
        (0..self.blocks.len()).map(|block| DirtyBitmap::new(self.pages(block))).collect()
    }
}
