//! An Intel flash memory: QEMU's section "pflash_cfi01".
//!
//! The fields follow QEMU's `vmstate_pflash` (`hw/block/pflash_cfi01.c`) and its subsection. The contents are a RAM
//! block.

use vmstate::prelude::*;

/// A flash chip, or several in parallel.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(
    name = "pflash_cfi01",
    subsection("pflash_cfi01_blk_write", needed = Self::is_writing_block)
)]
pub struct Pflash {
    /// The write cycle of the command.
    pub wcycle: u8,
    /// The command.
    pub cmd: u8,
    /// The status register.
    pub status: u8,
    /// The remaining words of a block write.
    pub counter: u64,
    /// The size of the block buffer.
    #[vmstate(skip = "fixed when the chip is built")]
    pub writeblock_size: u32,
    /// The block being written.
    #[vmstate(in = "pflash_cfi01_blk_write", buffer(len = writeblock_size, max = 65536))]
    pub blk_bytes: Vec<u8>,
    /// The offset of the block, or all ones.
    #[vmstate(in = "pflash_cfi01_blk_write")]
    pub blk_offset: u32,
}

impl Pflash {
    /// The value of `blk_offset` without a block.
    const NO_BLOCK: u32 = u32::MAX;

    fn is_writing_block(&self) -> bool {
        self.blk_offset != Self::NO_BLOCK
    }
}

impl Default for Pflash {
    /// Creates a chip in read mode.
    fn default() -> Self {
        Self {
            wcycle: 0,
            cmd: 0,
            status: 0,
            counter: 0,
            writeblock_size: 0,
            blk_bytes: Vec::new(),
            blk_offset: Self::NO_BLOCK,
        }
    }
}
