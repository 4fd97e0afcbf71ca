//! The memories: those of QEMU's RAM blocks that the hart can see.

use vmstate::ram::VecBlock;

use super::map;

/// The memories. A program can write to `ram` only.
#[derive(Debug, Clone)]
pub struct Memory {
    /// The working memory.
    pub ram: VecBlock,
    /// The program that the hart starts with.
    pub mrom: VecBlock,
    /// The two flash memories.
    pub flash: [VecBlock; 2],
}

/// The first instructions: into the working memory, with the number of the hart in `a0`, as firmware expects it.
const START: [u32; 4] = [
    0xf140_2573, // csrr a0, mhartid
    0x0010_029b, // addiw t0, zero, 1
    0x01f2_9293, // slli t0, t0, 31
    0x0002_8067, // jr t0
];

impl Memory {
    /// Memories that are empty but for the program at the start.
    #[must_use]
    pub fn new(ram_size: usize) -> Self {
        let flash = |name| VecBlock::new(name, vec![0; map::FLASH_SIZE]);
        let mut mrom = VecBlock::new("riscv_virt_board.mrom", vec![0; map::MROM_SIZE]);
        for (slot, instruction) in mrom.bytes.chunks_exact_mut(4).zip(START) {
            slot.copy_from_slice(&instruction.to_le_bytes());
        }
        Self {
            ram: VecBlock::new("riscv_virt_board.ram", vec![0; ram_size]),
            mrom,
            flash: [flash("virt.flash0"), flash("virt.flash1")],
        }
    }

    #[inline]
    pub(super) fn load<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        match at(&self.ram, map::RAM, address) {
            Some(bytes) => bytes.first_chunk().copied(),
            None => self.read_only(address)?.first_chunk().copied(),
        }
    }

    #[inline]
    pub(super) fn store<const N: usize>(&mut self, address: u64, bytes: [u8; N]) -> Option<()> {
        let offset = usize::try_from(address.checked_sub(map::RAM)?).ok()?;
        *self.ram.bytes.get_mut(offset..)?.first_chunk_mut()? = bytes;
        Some(())
    }

    /// Whether there is memory that takes no notice of being written.
    pub(super) fn is_read_only(&self, address: u64) -> bool {
        self.read_only(address).is_some()
    }

    /// The bytes from `address` to the end of the read-only memory there.
    fn read_only(&self, address: u64) -> Option<&[u8]> {
        let [first, second] = &self.flash;
        at(&self.mrom, map::MROM, address)
            .or_else(|| at(first, map::FLASH, address))
            .or_else(|| at(second, map::FLASH + map::FLASH_SIZE as u64, address))
    }
}

/// The bytes of `block`, which begins at `base`, from `address` on.
#[inline]
fn at(block: &VecBlock, base: u64, address: u64) -> Option<&[u8]> {
    let offset = usize::try_from(address.checked_sub(base)?).ok()?;
    block.bytes.get(offset..)
}
