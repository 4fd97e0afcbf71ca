//! Intel's flash memory: QEMU's section "pflash_cfi01".
//!
//! The fields are those of QEMU's `vmstate_pflash` (`hw/block/pflash_cfi01.c`) and its subsection. The content is a RAM
//! block.

use vmstate::prelude::*;

/// A chip, or several side by side.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(
    name = "pflash_cfi01",
    subsection("pflash_cfi01_blk_write", needed = Self::is_writing_block)
)]
pub struct Pflash {
    /// How far a command is.
    pub wcycle: u8,
    /// The command.
    pub cmd: u8,
    /// What reading the status gives.
    pub status: u8,
    /// How many words of a block are still to come.
    pub counter: u64,
    /// The size of the buffer for blocks.
    #[vmstate(skip = "fixed when the chip is built")]
    pub writeblock_size: u32,
    /// A block that is being written, in full.
    #[vmstate(in = "pflash_cfi01_blk_write", buffer(len = writeblock_size, max = 65536))]
    pub blk_bytes: Vec<u8>,
    /// Where it belongs; all ones if there is none.
    #[vmstate(in = "pflash_cfi01_blk_write")]
    pub blk_offset: u32,
}

impl Pflash {
    /// In `blk_offset`: no block is being written.
    const NO_BLOCK: u32 = u32::MAX;

    fn is_writing_block(&self) -> bool {
        self.blk_offset != Self::NO_BLOCK
    }
}

impl Default for Pflash {
    /// A chip that is read like memory.
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
