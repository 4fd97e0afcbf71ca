//! The memory: QEMU's RAM blocks that the hart can access.

use vmstate::ram::RamBlock;
use vmstate::{LoadError, SaveError};

use super::map;

/// Indices of the blocks: two flash memories, RAM, the boot ROM, and three blocks that only QEMU 10.0 has.
mod block {
    pub(super) const RAM: usize = 2;
    pub(super) const COUNT_OF_7_2: usize = 4;
    pub(super) const COUNT: usize = 7;
}

/// The memory. Programs can only write to RAM.
#[derive(Debug, Clone)]
pub struct Memory {
    blocks: [Region; block::COUNT],
}

/// The boot code: jumps to RAM with the hart ID in `a0`, as firmware expects.
const START: [u32; 4] = [
    0xf140_2573, // csrr a0, mhartid
    0x0010_029b, // addiw t0, zero, 1
    0x01f2_9293, // slli t0, t0, 31
    0x0002_8067, // jr t0
];

impl Memory {
    /// Creates memory that is zero except for the boot ROM.
    #[must_use]
    pub fn new(ram_size: usize) -> Self {
        let zeros = |name, size| Region { name, size, bytes: Vec::new() };
        let mut mrom = zeros("riscv_virt_board.mrom", map::MROM_SIZE).filled();
        for (slot, instruction) in mrom.bytes.chunks_exact_mut(4).zip(START) {
            slot.copy_from_slice(&instruction.to_le_bytes());
        }
        Self {
            blocks: [
                zeros("virt.flash0", map::FLASH_SIZE),
                zeros("virt.flash1", map::FLASH_SIZE),
                zeros("riscv_virt_board.ram", ram_size).filled(),
                mrom,
                // Tables for the firmware, which are not mapped.
                zeros("/rom@etc/acpi/tables", 0x2_0000),
                zeros("/rom@etc/table-loader", 0x1000),
                zeros("/rom@etc/acpi/rsdp", 0x1000),
            ],
        }
    }

    /// Returns RAM.
    #[must_use]
    pub fn ram(&self) -> &[u8] {
        &self.blocks[block::RAM].bytes
    }

    /// Returns RAM to write to.
    pub fn ram_mut(&mut self) -> &mut [u8] {
        &mut self.blocks[block::RAM].bytes
    }

    /// Returns the blocks of a stream, with or without the blocks that only QEMU 10.0 has.
    pub(super) fn blocks_mut(&mut self, with_tables: bool) -> &mut [Region] {
        let count = if with_tables { block::COUNT } else { block::COUNT_OF_7_2 };
        &mut self.blocks[..count]
    }

    #[inline]
    pub(super) fn load<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        match self.blocks[block::RAM].get(map::RAM, address) {
            Some(bytes) => Some(bytes),
            None => self.load_read_only(address),
        }
    }

    fn load_read_only<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let [first, second, _, mrom, ..] = &self.blocks;
        mrom.get(map::MROM, address)
            .or_else(|| first.get(map::FLASH, address))
            .or_else(|| second.get(map::FLASH + map::FLASH_SIZE as u64, address))
    }

    #[inline]
    pub(super) fn store<const N: usize>(&mut self, address: u64, bytes: [u8; N]) -> Option<()> {
        let offset = usize::try_from(address.checked_sub(map::RAM)?).ok()?;
        *self.ram_mut().get_mut(offset..)?.first_chunk_mut()? = bytes;
        Some(())
    }

    /// Returns whether `address` is in a memory that ignores writes.
    pub(super) fn is_read_only(&self, address: u64) -> bool {
        self.load_read_only::<1>(address).is_some()
    }
}

/// A RAM block. Its bytes are allocated at the first nonzero write, because the flash memories are large and mostly
/// empty.
#[derive(Debug, Clone)]
pub struct Region {
    name: &'static str,
    size: usize,
    /// All bytes, or none while all are zero.
    bytes: Vec<u8>,
}

impl Region {
    /// Allocates the bytes.
    fn filled(mut self) -> Self {
        self.bytes.resize(self.size, 0);
        self
    }

    /// Reads from `address` if the block begins at `base`.
    #[inline]
    fn get<const N: usize>(&self, base: u64, address: u64) -> Option<[u8; N]> {
        let offset = usize::try_from(address.checked_sub(base)?).ok()?;
        match self.bytes.get(offset..) {
            Some(bytes) => bytes.first_chunk().copied(),
            None => (self.bytes.is_empty() && offset.checked_add(N)? <= self.size).then_some([0; N]),
        }
    }
}

impl RamBlock for Region {
    fn idstr(&self) -> &str {
        self.name
    }

    fn size(&self) -> u64 {
        self.size as u64
    }

    fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), SaveError> {
        let bytes = usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..)?.get(..page.len()));
        match bytes {
            Some(bytes) => page.copy_from_slice(bytes),
            None => page.fill(0),
        }
        Ok(())
    }

    fn write(&mut self, offset: u64, page: &[u8]) -> Result<(), LoadError> {
        if self.bytes.is_empty() {
            // True if all bytes are zero: the first is, and each equals its predecessor.
            if page.first().is_none_or(|first| *first == 0 && page[1..] == page[..page.len() - 1]) {
                return Ok(());
            }
            self.bytes.resize(self.size, 0);
        }
        let bytes = usize::try_from(offset).ok().and_then(|offset| self.bytes.get_mut(offset..)?.get_mut(..page.len()));
        let bytes = bytes.ok_or_else(|| LoadError::misuse(format!("a page of `{}`", self.name), offset))?;
        bytes.copy_from_slice(page);
        Ok(())
    }
}
