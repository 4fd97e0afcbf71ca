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
//! A block borrows its regions, or shares them: `GuestBlock::new("pc.ram", regions)` also accepts
//! `Arc<GuestRegionMmap>`, and with vm-memory 0.18 `memory.iter().map(GuestRegionMmap::get_mmap)`. Such a block has no
//! lifetime, so the machine can be moved to another thread.
//!
//! vCPUs can run while memory is sent. Writes that devices make through `vm-memory` are recorded in the region's
//! bitmap. Writes that vCPUs make are not; add KVM's dirty log with [`GuestBlock::with_dirty_log`].

mod dirty;
mod region;

use std::fmt;
use std::ops::Range;

use vm_memory::bitmap::BS;
use vm_memory::volatile_memory::VolatileSlice;
use vmstate_types::{LoadError, SaveError};

use crate::ram::RamBlock;

pub use dirty::{SyncDirtyLog, mark_pages};
use region::Part;
pub use region::Region;

/// A RAM block backed by regions of guest memory, one after the other.
pub struct GuestBlock<R> {
    idstr: String,
    size: u64,
    parts: Vec<Part<R>>,
    log: Option<Box<Log>>,
}

/// Guest memory together with the bitmap that records writes to it.
type Slice<'m, R> = VolatileSlice<'m, BS<'m, <R as Region>::Bitmap>>;

/// Calls its argument with each range of bytes written since the previous call.
type Log = dyn Fn(&mut dyn FnMut(Range<u64>)) + Send;

impl<R: Region> GuestBlock<R> {
    /// Creates a block of `regions`, in the given order. A `GuestMemoryMmap` iterates by address.
    ///
    /// The total size must be a multiple of the page size that the block is registered with.
    #[must_use]
    pub fn new(idstr: impl Into<String>, regions: impl IntoIterator<Item = R>) -> Self {
        let mut block = Self { idstr: idstr.into(), size: 0, parts: Vec::new(), log: None };
        for region in regions {
            let part = Part::new(block.size, region);
            block.size = part.end();
            block.parts.push(part);
        }
        block
    }

    /// Adds a dirty log to the regions' bitmaps.
    ///
    /// `log` calls its argument with each range of bytes in the block that was written since the previous call, and
    /// clears the record. For KVM's dirty log of a memory slot that begins at `start` in the block, use [`mark_pages`]:
    ///
    /// ```
    /// # #![allow(unused_imports)] // the trait that `iter` needs depends on the version
    /// use vm_memory::*;
    /// use vmstate::adapters::vm_memory::{GuestBlock, mark_pages};
    ///
    /// # struct Vm;
    /// # impl Vm { fn get_dirty_log(&self, _slot: u32, _size: usize) -> Result<Vec<u64>, ()> { Ok(vec![5]) } }
    /// # let vm = Vm; // kvm_ioctls::VmFd
    /// let memory = GuestMemoryMmap::<()>::from_ranges(&[(GuestAddress(0), 0x4_0000)])?;
    /// let block = GuestBlock::new("ram", memory.iter()).with_dirty_log(move |mark| {
    ///     match vm.get_dirty_log(0, 0x4_0000) {
    ///         Ok(words) => mark_pages(&words, 4096, 0, mark),
    ///         Err(_) => mark(0..0x4_0000), // unknown: send the whole slot again
    ///     }
    /// });
    /// # use vmstate::ram::RamBlock;
    /// # let mut dirty = Vec::new();
    /// # block.sync_dirty_log(&mut |bytes| dirty.push(bytes));
    /// # assert_eq!(dirty, [0..0x1000, 0x2000..0x3000]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_dirty_log(mut self, log: impl Fn(&mut dyn FnMut(Range<u64>)) + Send + 'static) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Returns the `length` bytes at `offset`, one slice per region, or `None` if they exceed the block.
    fn slices(&self, offset: u64, length: usize) -> Option<impl Iterator<Item = Slice<'_, R>>> {
        let end = offset.checked_add(u64::try_from(length).ok()?).filter(|end| *end <= self.size)?;
        let first = self.parts.partition_point(|part| part.start() <= offset).saturating_sub(1);
        let parts = self.parts.iter().skip(first).take_while(move |part| part.start() < end);
        Some(parts.filter_map(move |part| part.slice(offset, end)))
    }
}

impl<R: Region<Bitmap: SyncDirtyLog> + Send> RamBlock for GuestBlock<R> {
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
            part.sync_dirty_log(mark);
        }
        if let Some(log) = &self.log {
            log(mark);
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for GuestBlock<R> {
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
