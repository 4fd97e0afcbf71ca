//! The conditions on the blocks of a saver.

use std::fmt;

use vmstate_types::SaveError;

use super::PageSize;

/// The error for blocks that cannot be saved as a "ram" section.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidBlocks {
    /// The name of a block is longer than 255 bytes.
    NameTooLong {
        /// The name.
        idstr: String,
    },
    /// A block is empty.
    Empty {
        /// The name of the block.
        idstr: String,
    },
    /// The size of a block is not a multiple of the page size.
    PartialPage {
        /// The name of the block.
        idstr: String,
        /// The size of the block.
        size: u64,
        /// The page size.
        page_size: PageSize,
    },
    /// The sizes of all blocks add up to 2^64 bytes or more.
    TotalTooLarge,
}

impl fmt::Display for InvalidBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTooLong { idstr } => {
                write!(f, "expected a name of at most 255 bytes, found {} in RAM block `{idstr}`", idstr.len())
            }
            Self::Empty { idstr } => write!(f, "RAM block `{idstr}` is empty"),
            Self::PartialPage { idstr, size, page_size } => {
                let page_size = page_size.bytes();
                write!(f, "expected a multiple of the page size {page_size}, found {size} bytes in RAM block `{idstr}`")
            }
            Self::TotalTooLarge => f.write_str("the sizes of all RAM blocks add up to 2^64 bytes or more"),
        }
    }
}

impl std::error::Error for InvalidBlocks {}

impl From<InvalidBlocks> for SaveError {
    fn from(error: InvalidBlocks) -> Self {
        Self::misuse(error)
    }
}

/// Checks the names and sizes of blocks, and returns the sum of the sizes.
pub(super) fn check<'b>(
    blocks: impl IntoIterator<Item = (&'b str, u64)>,
    page_size: PageSize,
) -> Result<u64, InvalidBlocks> {
    blocks.into_iter().try_fold(0_u64, |total, (idstr, size)| {
        check_block(idstr, size, page_size)?;
        total.checked_add(size).ok_or(InvalidBlocks::TotalTooLarge)
    })
}

fn check_block(idstr: &str, size: u64, page_size: PageSize) -> Result<(), InvalidBlocks> {
    let idstr = idstr.to_owned();
    if idstr.len() > usize::from(u8::MAX) {
        return Err(InvalidBlocks::NameTooLong { idstr });
    }
    // The list has no count: it ends when its blocks add up to the total, so an empty block at its end would be taken for
    // the record that follows (`ram_load_precopy` in QEMU's `migration/ram.c`).
    if size == 0 {
        return Err(InvalidBlocks::Empty { idstr });
    }
    if !size.is_multiple_of(page_size.bytes()) {
        return Err(InvalidBlocks::PartialPage { idstr, size, page_size });
    }
    Ok(())
}
