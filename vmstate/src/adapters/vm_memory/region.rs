//! The regions of a block: the trait [`Region`], and a region's place in its block.

use std::ops::Range;
use std::sync::Arc;

use vm_memory::bitmap::{BS, Bitmap};
use vm_memory::volatile_memory::{VolatileMemory, VolatileSlice};
use vm_memory::{GuestRegionMmap, MmapRegion};

use super::SyncDirtyLog;

/// A mapped memory region that a [`GuestBlock`](super::GuestBlock) is made of.
///
/// Implemented for `vm-memory`'s regions, references to them and `Arc`s of them. Implement it for a custom region type
/// by returning the region inside.
pub trait Region {
    /// The bitmap that records writes to the region.
    type Bitmap: Bitmap;

    /// Returns the mapping of the region.
    fn mapping(&self) -> &MmapRegion<Self::Bitmap>;
}

impl<B: Bitmap> Region for MmapRegion<B> {
    type Bitmap = B;

    fn mapping(&self) -> &Self {
        self
    }
}

impl<B: Bitmap> Region for GuestRegionMmap<B> {
    type Bitmap = B;

    fn mapping(&self) -> &MmapRegion<B> {
        self
    }
}

impl<R: Region + ?Sized> Region for &R {
    type Bitmap = R::Bitmap;

    fn mapping(&self) -> &MmapRegion<R::Bitmap> {
        (**self).mapping()
    }
}

impl<R: Region + ?Sized> Region for Arc<R> {
    type Bitmap = R::Bitmap;

    fn mapping(&self) -> &MmapRegion<R::Bitmap> {
        (**self).mapping()
    }
}

/// A region and its offset in the block.
#[derive(Debug, Clone)]
pub(super) struct Part<R> {
    start: u64,
    region: R,
}

impl<R: Region> Part<R> {
    pub(super) fn new(start: u64, region: R) -> Self {
        Self { start, region }
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    pub(super) fn end(&self) -> u64 {
        self.start + self.region.mapping().size() as u64
    }

    /// Returns the part of the block's bytes from `start` to `end` that is in this region.
    pub(super) fn slice(&self, start: u64, end: u64) -> Option<VolatileSlice<'_, BS<'_, R::Bitmap>>> {
        let mapping = self.region.mapping();
        let from = usize::try_from(start.saturating_sub(self.start)).ok()?;
        let to = usize::try_from(end.checked_sub(self.start)?).ok()?.min(mapping.size());
        mapping.get_slice(from, to.checked_sub(from)?).ok()
    }
}

impl<R: Region<Bitmap: SyncDirtyLog>> Part<R> {
    /// Calls `mark` with each range of the block's bytes that the region's bitmap has recorded, and clears the bitmap.
    pub(super) fn sync_dirty_log(&self, mark: &mut dyn FnMut(Range<u64>)) {
        let bitmap = self.region.mapping().bitmap();
        bitmap.sync_dirty_log(&mut |bytes| mark(self.start + bytes.start..self.start + bytes.end));
    }
}
