//! Memory that is not sent.

use super::record::BlockHeader;
use crate::memory::{BlockLayout, Layout, Sharing};

/// Memory that is left out of a stream, because the destination has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum LeftOut {
    /// All memory is sent.
    #[default]
    Nothing,
    /// The blocks whose [file](Sharing::File) the destination opens, too. The list of blocks has their guest addresses
    /// (capability `x-ignore-shared`).
    SharedFiles,
    /// All blocks: the destination has their descriptors (mode `cpr-transfer`).
    Everything,
}

impl LeftOut {
    /// Returns whether a block is left out (`migrate_ram_is_ignored` in QEMU's `migration/ram.c`).
    #[must_use]
    pub fn contains(self, block: &BlockLayout) -> bool {
        match self {
            Self::Nothing => false,
            Self::SharedFiles => block.sharing == Sharing::File,
            Self::Everything => true,
        }
    }

    /// Returns the bytes of the blocks that are sent.
    #[must_use]
    pub fn sent_bytes(self, layout: &Layout) -> u64 {
        layout.blocks().iter().filter(|block| !self.contains(block)).map(|block| block.size).sum()
    }

    /// Returns the entry of a block in the list of blocks.
    pub(super) fn header(self, block: &BlockLayout) -> BlockHeader {
        let address = Some(block.guest_address).filter(|_| self == Self::SharedFiles);
        BlockHeader { address, ..BlockHeader::new(&block.idstr, block.size) }
    }
}
