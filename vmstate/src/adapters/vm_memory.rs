//! Guest memory of [`vm-memory`](::vm_memory) 0.16 to 0.18 as blocks of the section `ram` (feature `vm-memory`).
//!
//! A [`GuestBlock`] is a RAM block backed by one or more memory regions. QEMU's PC has a single block `pc.ram`, which
//! the guest sees at two addresses, below and above 4 GiB; to exchange streams with QEMU, a PC combines both regions in
//! one block. Otherwise each region can be a separate block.
//!
//! ```
//! # #![allow(unused_imports)] // the traits that `iter` and `read_obj` need depend on the version
//! use vm_memory::bitmap::AtomicBitmap;
//! use vm_memory::*;
//! use vmstate::adapters::vm_memory::GuestBlock;
//! use vmstate::memory::PageSize;
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
//! A block borrows its regions, or shares them: `GuestBlock::new("pc.ram", regions)` also accepts
//! `Arc<GuestRegionMmap>`, and with vm-memory 0.18 `memory.iter().map(GuestRegionMmap::get_mmap)`. Such a block has no
//! lifetime, so the machine can be moved to another thread.
//!
//! vCPUs can run while memory is sent. The bitmaps of the regions record the writes that devices make through
//! `vm-memory`; [`BitmapLog`] reads them. Writes of vCPUs need another log in addition, such as KVM's or
//! [`WriteProtect`](crate::memory::WriteProtect).

mod bitmap;
mod dirty;
mod region;

use std::ops::Range;

use vm_memory::bitmap::BS;
use vm_memory::volatile_memory::VolatileSlice;

use crate::memory::{HostRange, MemoryError, RamBlock};

pub use bitmap::SyncDirtyLog;
pub use dirty::BitmapLog;
use region::Part;
pub use region::Region;

/// A RAM block backed by regions of guest memory, one after the other.
#[derive(Debug, Clone)]
pub struct GuestBlock<R> {
    idstr: String,
    size: u64,
    parts: Vec<Part<R>>,
}

/// Guest memory together with the bitmap that records writes to it.
type Slice<'m, R> = VolatileSlice<'m, BS<'m, <R as Region>::Bitmap>>;

impl<R: Region> GuestBlock<R> {
    /// Creates a block of `regions`, in the given order. A `GuestMemoryMmap` iterates by address.
    ///
    /// The total size must be a multiple of the page size that the block is registered with.
    #[must_use]
    pub fn new(idstr: impl Into<String>, regions: impl IntoIterator<Item = R>) -> Self {
        let mut block = Self { idstr: idstr.into(), size: 0, parts: Vec::new() };
        for region in regions {
            let part = Part::new(block.size, region);
            block.size = part.end();
            block.parts.push(part);
        }
        block
    }

    /// Returns the `length` bytes at `offset`, one slice per region, or `None` if they exceed the block.
    fn slices(&self, offset: u64, length: usize) -> Option<impl Iterator<Item = Slice<'_, R>>> {
        let end = offset.checked_add(u64::try_from(length).ok()?).filter(|end| *end <= self.size)?;
        let first = self.parts.partition_point(|part| part.start() <= offset).saturating_sub(1);
        let parts = self.parts.iter().skip(first).take_while(move |part| part.start() < end);
        Some(parts.filter_map(move |part| part.slice(offset, end)))
    }
}

impl<R: Region<Bitmap: SyncDirtyLog>> GuestBlock<R> {
    /// Calls `mark` with each range of the block's bytes that the regions' bitmaps have recorded, and clears them.
    fn sync_dirty_log(&self, mark: &mut dyn FnMut(Range<u64>)) {
        self.parts.iter().for_each(|part| part.sync_dirty_log(mark));
    }
}

impl<R: Region> RamBlock for GuestBlock<R> {
    fn idstr(&self) -> &str {
        &self.idstr
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        self.range(offset, into.len())?;
        let mut rest = into;
        for slice in self.slices(offset, rest.len()).into_iter().flatten() {
            let (now, later) = rest.split_at_mut(slice.len());
            slice.copy_to(now);
            rest = later;
        }
        Ok(())
    }

    fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
        self.range(offset, from.len())?;
        let mut rest = from;
        for slice in self.slices(offset, rest.len()).into_iter().flatten() {
            let (now, later) = rest.split_at(slice.len());
            slice.copy_from(now);
            rest = later;
        }
        Ok(())
    }

    fn host_range(&self, offset: u64, length: usize) -> Option<HostRange<'_>> {
        self.slices(offset, length)?.next().map(|slice| HostRange::from(&slice))
    }
}
