//! The memory: QEMU's RAM blocks that the hart can access.

#[cfg(target_os = "linux")]
use std::error::Error;
use std::sync::Arc;

use vmstate::memory::{DirtyBitmap, DirtyLog, HostRange, Layout, Marked, MemoryError, PageSize, RamBlock};
#[cfg(target_os = "linux")]
use vmstate::snapshot::BackgroundRam;

use super::map;
#[cfg(target_os = "linux")]
use super::origin::Origin;
use super::write_limit::Marks;

/// Blocks are mapped, so that page faults and writes of the hart can be tracked.
#[cfg(target_os = "linux")]
pub type Block = vmstate::memory::Mapping;
/// Blocks are vectors where the library maps no memory.
#[cfg(not(target_os = "linux"))]
pub type Block = vmstate::memory::VecBlock;

/// Indices of the blocks: two flash memories, RAM, the boot ROM, and three blocks that only QEMU 10.0 has.
mod block {
    pub(super) const RAM: usize = 2;
    pub(super) const COUNT_OF_7_2: usize = 4;
    pub(super) const COUNT: usize = 7;
}

/// The name of the RAM.
pub(super) const RAM_NAME: &str = "riscv_virt_board.ram";

/// Returns the names and sizes of the blocks.
fn sizes(ram_size: usize) -> [(&'static str, usize); block::COUNT] {
    [
        ("virt.flash0", map::FLASH_SIZE),
        ("virt.flash1", map::FLASH_SIZE),
        (RAM_NAME, ram_size),
        ("riscv_virt_board.mrom", map::MROM_SIZE),
        // Tables for the firmware, which are not mapped.
        ("/rom@etc/acpi/tables", 0x2_0000),
        ("/rom@etc/table-loader", 0x1000),
        ("/rom@etc/acpi/rsdp", 0x1000),
    ]
}

/// The memory, which other threads can read while the hart runs. Programs can only write to RAM.
#[derive(Debug)]
pub struct Memory {
    blocks: [Arc<Block>; block::COUNT],
    log: Arc<Marked>,
    /// The log of RAM of a history of states, which runs at the same time as a migration.
    history: Option<Arc<Marked>>,
    /// The snapshot that saves pages before they are written.
    #[cfg(target_os = "linux")]
    background: Option<BackgroundRam>,
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
        let blocks = sizes(ram_size).map(|(name, size)| zeros(name, size));
        let [_, _, _, mrom, ..] = &blocks;
        let _ = mrom.write(0, &START.map(u32::to_le_bytes).concat());
        Self::with_blocks(blocks.map(Arc::new))
    }

    /// Creates memory of any origin.
    ///
    /// # Errors
    /// Returns an error if a block cannot be mapped, or another process has not handed it over.
    #[cfg(target_os = "linux")]
    pub fn from_origin(ram_size: usize, mut origin: Origin<'_>) -> Result<Self, Box<dyn Error>> {
        let mut blocks = Vec::with_capacity(block::COUNT);
        for (name, size) in sizes(ram_size) {
            blocks.push(Arc::new(origin.map(name, size)?));
        }
        let blocks: [_; block::COUNT] = blocks.try_into().map_err(|_| "unreachable: each block was mapped")?;
        let [_, _, _, mrom, ..] = &blocks;
        if !origin.has_content() {
            mrom.write(0, &START.map(u32::to_le_bytes).concat())?;
        }
        Ok(Self::with_blocks(blocks))
    }

    fn with_blocks(blocks: [Arc<Block>; block::COUNT]) -> Self {
        let layout = Layout::new(PageSize::DEFAULT, &blocks).expect("blocks of whole pages");
        Self {
            blocks,
            log: Arc::new(Marked::new(&layout)),
            history: None,
            #[cfg(target_os = "linux")]
            background: None,
        }
    }

    /// Returns RAM.
    #[inline]
    #[must_use]
    pub fn ram(&self) -> HostRange<'_> {
        self.blocks[block::RAM].memory()
    }

    /// Returns the blocks of a stream, with or without the blocks that only QEMU 10.0 has.
    #[must_use]
    pub fn blocks(&self, with_tables: bool) -> &[Arc<Block>] {
        let count = if with_tables { block::COUNT } else { block::COUNT_OF_7_2 };
        &self.blocks[..count]
    }

    /// Returns the [blocks](Self::blocks) as parts of a guest that is saved, loaded or migrated while it runs.
    #[must_use]
    pub fn shared_blocks(&self, with_tables: bool) -> Vec<Arc<dyn RamBlock + Send + Sync>> {
        let share = |block: &Arc<Block>| -> Arc<dyn RamBlock + Send + Sync> { block.clone() };
        self.blocks(with_tables).iter().map(share).collect()
    }

    /// Returns the log of the pages that the hart writes.
    #[must_use]
    pub fn dirty_log(&self) -> &Arc<Marked> {
        &self.log
    }

    /// Returns the marks of the log of RAM.
    pub(super) fn marks(&self) -> Marks {
        // In this order, a collection in between is noticed by the next call.
        let collections = self.log.collections(block::RAM);
        Marks { collections, pages: self.log.marked(block::RAM) }
    }

    /// Returns a new log of the kernel for the pages of the [blocks](Self::blocks) that any thread writes.
    ///
    /// # Errors
    /// Returns an error if the system has no such log, or does not permit it.
    #[cfg(target_os = "linux")]
    pub fn kernel_log(&self, with_tables: bool) -> Result<Arc<dyn DirtyLog>, MemoryError> {
        use vmstate::memory::WriteProtect;

        WriteProtect::probe()?;
        let layout = Layout::new(PageSize::DEFAULT, self.blocks(with_tables)).map_err(MemoryError::custom)?;
        Ok(Arc::new(WriteProtect::new(&layout, self.shared_blocks(with_tables))?))
    }

    /// Returns an error, because the system has no such log.
    ///
    /// # Errors
    /// It always does.
    #[cfg(not(target_os = "linux"))]
    pub fn kernel_log(&self, _: bool) -> Result<Arc<dyn DirtyLog>, MemoryError> {
        Err(MemoryError::custom("write protection requires Linux"))
    }

    /// Copies the content of blocks of the same sizes, and marks the changed pages.
    pub(super) fn copy_from(&self, other: &Self) {
        for (number, (to, from)) in self.blocks.iter().zip(&other.blocks).enumerate() {
            for (start, page) in pages(from) {
                let Some(old) = to.memory().get(start..start + PAGE) else { continue };
                if (page.is_zero() && old.is_zero()) || page.to_vec() == old.to_vec() {
                    continue;
                }
                to.memory().write(start, &page.to_vec());
                self.log.mark(number, start as u64, PAGE as u64);
                if number == block::RAM {
                    self.mark_history(start as u64, PAGE as u64);
                }
            }
        }
    }

    /// Replaces the content of RAM, and marks the changed pages.
    pub(super) fn set_ram(&self, content: &[u8]) {
        for ((start, old), new) in pages(&self.blocks[block::RAM]).zip(content.chunks(PAGE)) {
            if old.to_vec() != new {
                self.ram().write(start, new);
                self.log.mark(block::RAM, start as u64, PAGE as u64);
                self.mark_history(start as u64, PAGE as u64);
            }
        }
    }

    /// Returns the offsets and the content of the pages of RAM that were written since the last call with this log. Returns `None`
    /// if any page can have been written, and creates another log.
    pub(super) fn written_since(&mut self, log: &mut Option<Arc<Marked>>) -> Option<Vec<(usize, Vec<u8>)>> {
        let written = match (&self.history, &*log) {
            (Some(running), Some(log)) if Arc::ptr_eq(running, log) => self.collect_history(log),
            _ => None,
        };
        if written.is_none() {
            *log = self.start_history();
            self.history.clone_from(log);
        }
        written
    }

    fn collect_history(&self, log: &Marked) -> Option<Vec<(usize, Vec<u8>)>> {
        let pages = DirtyBitmap::new(self.ram().len().div_ceil(PAGE) as u64);
        log.collect(0, 0..pages.pages(), &pages).ok()?;
        let page = |page| {
            let start = usize::try_from(page).ok()?.checked_mul(PAGE)?;
            Some((start, self.ram().get(start..self.ram().len().min(start + PAGE))?.to_vec()))
        };
        pages.runs().flatten().map(page).collect()
    }

    fn start_history(&self) -> Option<Arc<Marked>> {
        let log = Marked::new(&Layout::new(PageSize::DEFAULT, [&self.blocks[block::RAM]]).ok()?);
        log.start().ok()?;
        Some(Arc::new(log))
    }

    /// Ends the log of a history before pages are written without a mark.
    pub(super) fn end_history(&mut self) {
        self.history = None;
    }

    /// Lets the hart save pages before it writes them, or not anymore.
    #[cfg(target_os = "linux")]
    pub(super) fn set_background(&mut self, background: Option<BackgroundRam>) {
        self.background = background;
    }

    #[inline]
    fn mark_history(&self, offset: u64, length: u64) {
        if let Some(history) = &self.history {
            history.mark(0, offset, length);
        }
    }

    /// Returns the blocks for a save or load. They can be written without a mark.
    pub(super) fn blocks_mut(&mut self, with_tables: bool) -> &mut [Arc<Block>] {
        self.end_history();
        let count = if with_tables { block::COUNT } else { block::COUNT_OF_7_2 };
        &mut self.blocks[..count]
    }

    #[inline]
    pub(super) fn load<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        match get(self.ram(), map::RAM, address) {
            Some(bytes) => Some(bytes),
            None => self.load_read_only(address),
        }
    }

    fn load_read_only<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let [first, second, _, mrom, ..] = &self.blocks;
        get(mrom.memory(), map::MROM, address)
            .or_else(|| get(first.memory(), map::FLASH, address))
            .or_else(|| get(second.memory(), map::FLASH + map::FLASH_SIZE as u64, address))
    }

    #[inline]
    pub(super) fn store<const N: usize>(&mut self, address: u64, bytes: [u8; N]) -> Option<()> {
        let offset = address.checked_sub(map::RAM)?;
        #[cfg(target_os = "linux")]
        if let Some(background) = &self.background {
            background.before_write(block::RAM, offset..offset.saturating_add(N as u64));
        }
        self.ram().store(usize::try_from(offset).ok()?, bytes)?;
        self.log.mark(block::RAM, offset, N as u64);
        self.mark_history(offset, N as u64);
        Some(())
    }

    /// Returns whether `address` is in a memory that ignores writes.
    pub(super) fn is_read_only(&self, address: u64) -> bool {
        self.load_read_only::<1>(address).is_some()
    }
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self::with_blocks(self.blocks.each_ref().map(|block| Arc::new(copy(block))))
    }
}

/// Reads from `address` if the memory begins at `base`.
#[inline]
fn get<const N: usize>(memory: HostRange<'_>, base: u64, address: u64) -> Option<[u8; N]> {
    memory.load(usize::try_from(address.checked_sub(base)?).ok()?)
}

/// Creates a block of zeros, which the system allocates when they are written: the flash memories are large and mostly
/// empty.
fn zeros(name: &str, size: usize) -> Block {
    #[cfg(target_os = "linux")]
    let block = vmstate::memory::MappingOptions::anonymous().map(name, size as u64).expect("address space");
    #[cfg(not(target_os = "linux"))]
    let block = Block::new(name, vec![0; size]);
    block
}

/// Copies a block, except for its zeros.
fn copy(block: &Block) -> Block {
    let copy = zeros(block.idstr(), block.memory().len());
    for (start, page) in pages(block).filter(|(_, page)| !page.is_zero()) {
        copy.memory().write(start, &page.to_vec());
    }
    copy
}

const PAGE: usize = 4096;

/// Returns the pages of a block with their offsets.
fn pages(block: &Block) -> impl Iterator<Item = (usize, HostRange<'_>)> {
    let memory = block.memory();
    (0..memory.len()).step_by(PAGE).filter_map(move |start| Some((start, memory.get(start..start + PAGE)?)))
}
