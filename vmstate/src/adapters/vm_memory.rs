//! Guest memory of the crate [`vm-memory`](::vm_memory) 0.18 as blocks of the section `ram` (feature `vm-memory`).
//!
//! A [`GuestBlock`] is one or more regions under one name. QEMU's PC, for one, has a single block `pc.ram` that the guest
//! sees in two places, below and above 4 GiB; so a PC that exchanges streams with it makes one block of both regions.
//! Memory that nobody else reads can have a block for each region instead.
//!
//! ```
//! use vm_memory::bitmap::AtomicBitmap;
//! use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap};
//! use vmstate::adapters::vm_memory::GuestBlock;
//! use vmstate::ram::PageSize;
//! use vmstate::Machine;
//!
//! let ranges = [(GuestAddress(0), 0x4_0000), (GuestAddress(1 << 32), 0x2_0000)];
//! let memory = GuestMemoryMmap::<AtomicBitmap>::from_ranges(&ranges)?;
//! memory.write_obj(0xdead_beef_u32, GuestAddress((1 << 32) + 0x1000))?;
//!
//! let mut machine = Machine::with_type("board-1.0");
//! machine.register_ram(PageSize::DEFAULT, [GuestBlock::new("pc.ram", memory.iter())])?;
//! let mut stream = Vec::new();
//! machine.save(&mut stream)?;
//!
//! let copy = GuestMemoryMmap::<()>::from_ranges(&ranges)?;
//! let mut other = Machine::with_type("board-1.0");
//! other.register_ram(PageSize::DEFAULT, [GuestBlock::new("pc.ram", copy.iter())])?;
//! other.load(&stream[..])?;
//! assert_eq!(copy.read_obj::<u32>(GuestAddress((1 << 32) + 0x1000))?, 0xdead_beef);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Blocks share the memory with the regions that they are made of, so vCPUs can go on running while it is sent. Whatever
//! devices write through `vm-memory` is in its bitmap, if there is one. What vCPUs write is not: KVM has a log of its own,
//! which [`GuestBlock::also_logged_by`] adds.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use vm_memory::bitmap::{AtomicBitmap, BS, Bitmap};
use vm_memory::volatile_memory::{VolatileMemory, VolatileSlice};
use vm_memory::{GuestRegionMmap, MmapRegion};
use vmstate_types::{LoadError, SaveError};

use crate::ram::RamBlock;

/// Regions of guest memory, one after the other, as a block of the section `ram`.
pub struct GuestBlock<B = ()> {
    idstr: String,
    size: u64,
    parts: Vec<Part<B>>,
    log: Option<Box<Log>>,
}

/// Memory, and the bitmap of what is written to it.
type Slice<'m, B> = VolatileSlice<'m, BS<'m, B>>;

/// Tells its argument what was written.
type Log = dyn Fn(&mut dyn FnMut(Range<u64>)) + Send;

/// A region, and where it begins in the block.
#[derive(Debug)]
struct Part<B> {
    start: u64,
    memory: Arc<MmapRegion<B>>,
}

impl<B: Bitmap> GuestBlock<B> {
    /// Makes a block of `regions`, in the order given: those of a `GuestMemoryMmap` are ordered by address.
    ///
    /// The size of the memory must be a multiple of the page size with which the block is registered.
    #[must_use]
    pub fn new<'r>(idstr: impl Into<String>, regions: impl IntoIterator<Item = &'r GuestRegionMmap<B>>) -> Self
    where
        B: 'r,
    {
        let mut block = Self { idstr: idstr.into(), size: 0, parts: Vec::new(), log: None };
        for region in regions {
            block.parts.push(Part { start: block.size, memory: region.get_mmap() });
            block.size += region.size() as u64;
        }
        block
    }

    /// With a log of writes besides the regions' bitmaps: `log` tells its argument which bytes of the block were written
    /// since it was last called, and forgets them.
    ///
    /// Of KVM's log for a memory slot that begins at `start` in the block, [`mark_pages`] makes such bytes:
    ///
    /// ```
    /// use vm_memory::{GuestAddress, GuestMemoryBackend, GuestMemoryMmap};
    /// use vmstate::adapters::vm_memory::{GuestBlock, mark_pages};
    ///
    /// # struct Vm;
    /// # impl Vm { fn get_dirty_log(&self, _slot: u32, _size: usize) -> Result<Vec<u64>, ()> { Ok(vec![5]) } }
    /// # let vm = Vm; // kvm_ioctls::VmFd
    /// let memory = GuestMemoryMmap::<()>::from_ranges(&[(GuestAddress(0), 0x4_0000)])?;
    /// let block = GuestBlock::new("ram", memory.iter()).also_logged_by(move |mark| {
    ///     match vm.get_dirty_log(0, 0x4_0000) {
    ///         Ok(words) => mark_pages(&words, 4096, 0, mark),
    ///         Err(_) => mark(0..0x4_0000), // nobody knows: all of it
    ///     }
    /// });
    /// # use vmstate::ram::RamBlock;
    /// # let mut dirty = Vec::new();
    /// # block.sync_dirty_log(&mut |bytes| dirty.push(bytes));
    /// # assert_eq!(dirty, [0..0x1000, 0x2000..0x3000]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn also_logged_by(mut self, log: impl Fn(&mut dyn FnMut(Range<u64>)) + Send + 'static) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// The memory that is `length` bytes at `offset`, in as many slices as there are regions in it.
    fn slices(&self, offset: u64, length: usize) -> Option<impl Iterator<Item = Slice<'_, B>>> {
        let end = offset.checked_add(u64::try_from(length).ok()?).filter(|end| *end <= self.size)?;
        let first = self.parts.partition_point(|part| part.start <= offset).saturating_sub(1);
        let parts = self.parts.iter().skip(first).take_while(move |part| part.start < end);
        Some(parts.filter_map(move |part| part.slice(offset, end)))
    }
}

impl<B: Bitmap> Part<B> {
    /// What lies in this part of the block's bytes from `start` to `end`.
    fn slice(&self, start: u64, end: u64) -> Option<Slice<'_, B>> {
        let from = usize::try_from(start.saturating_sub(self.start)).ok()?;
        let to = usize::try_from(end.checked_sub(self.start)?).ok()?.min(self.memory.size());
        self.memory.get_slice(from, to.checked_sub(from)?).ok()
    }
}

impl<B: TakeDirty> RamBlock for GuestBlock<B> {
    fn idstr(&self) -> &str {
        &self.idstr
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), SaveError> {
        let slices = self.slices(offset, page.len());
        let slices = slices
            .ok_or_else(|| SaveError::misuse(format!("offset {offset:#x} is outside of block `{}`", self.idstr)))?;
        let mut rest = page;
        for slice in slices {
            let (now, later) = rest.split_at_mut(slice.len());
            slice.copy_to(now);
            rest = later;
        }
        Ok(())
    }

    fn write(&mut self, offset: u64, page: &[u8]) -> Result<(), LoadError> {
        let Some(slices) = self.slices(offset, page.len()) else {
            let expected = format!("an offset inside of block `{}`", self.idstr);
            return Err(LoadError::misuse(expected, format!("{offset:#x}")));
        };
        let mut rest = page;
        for slice in slices {
            let (now, later) = rest.split_at(slice.len());
            slice.copy_from(now);
            rest = later;
        }
        Ok(())
    }

    fn sync_dirty_log(&self, mark: &mut dyn FnMut(Range<u64>)) {
        for part in &self.parts {
            part.memory.bitmap().sync_dirty_log(&mut |bytes| mark(part.start + bytes.start..part.start + bytes.end));
        }
        if let Some(log) = &self.log {
            log(mark);
        }
    }
}

impl<B: fmt::Debug> fmt::Debug for GuestBlock<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { idstr, size, parts, log } = self;
        f.debug_struct("GuestBlock")
            .field("idstr", idstr)
            .field("size", size)
            .field("parts", parts)
            .field("log", &log.is_some())
            .finish()
    }
}

/// A bitmap of `vm-memory` that can be asked what was written, and forgets it then.
///
/// `()` is none: its memory is only for machines that stand still while they are saved, or have
/// [another log](GuestBlock::also_logged_by).
pub trait TakeDirty: Bitmap {
    /// Tells `mark` the bytes of the region that were written since this was last asked, and forgets them.
    fn sync_dirty_log(&self, mark: &mut dyn FnMut(Range<u64>));
}

impl TakeDirty for () {
    fn sync_dirty_log(&self, _: &mut dyn FnMut(Range<u64>)) {}
}

impl<B: TakeDirty> TakeDirty for Option<B> {
    fn sync_dirty_log(&self, mark: &mut dyn FnMut(Range<u64>)) {
        if let Some(bitmap) = self {
            bitmap.sync_dirty_log(mark);
        }
    }
}

impl TakeDirty for AtomicBitmap {
    fn sync_dirty_log(&self, mark: &mut dyn FnMut(Range<u64>)) {
        let words = self.get_and_reset();
        if words.iter().any(|word| *word != 0) {
            mark_pages(&words, page_size(self), 0, mark);
        }
    }
}

/// How many bytes a bit of the bitmap stands for, which it does not tell: the first byte behind the first page's.
fn page_size(bitmap: &AtomicBitmap) -> u64 {
    let (mut inside, mut outside) = (0, bitmap.byte_size());
    let probe = AtomicBitmap::clone(bitmap);
    probe.reset();
    probe.set_bit(0);
    while outside - inside > 1 {
        let middle = inside + (outside - inside) / 2;
        *(if probe.is_addr_set(middle) { &mut inside } else { &mut outside }) = middle;
    }
    outside as u64
}

/// Tells `mark` the pages whose bits are set in `words`, the first page of which begins at `start`.
pub fn mark_pages(words: &[u64], page_size: u64, start: u64, mark: &mut dyn FnMut(Range<u64>)) {
    for (index, word) in (0_u64..).zip(words) {
        let mut rest = *word;
        while rest != 0 {
            let page = index * 64 + u64::from(rest.trailing_zeros());
            mark(start + page * page_size..start + (page + 1) * page_size);
            rest &= rest - 1;
        }
    }
}
