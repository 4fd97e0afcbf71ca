//! The bitmaps of `vm-memory` as a dirty log.

use std::ops::Range;

use vm_memory::bitmap::{AtomicBitmap, Bitmap};

use super::{GuestBlock, Region};
use crate::memory::{DirtyBitmap, DirtyLog, Layout, MemoryError, Running};

/// A `vm-memory` bitmap that reports and clears its dirty ranges.
///
/// `()` records nothing. Use it only if the machine is stopped while it is saved, or with another log.
pub trait SyncDirtyLog: Bitmap {
    /// Calls `mark` with each range of bytes in the region that was written since the previous call, and clears them.
    fn sync_dirty_log(&self, mark: &mut dyn FnMut(Range<u64>));
}

impl SyncDirtyLog for () {
    fn sync_dirty_log(&self, _: &mut dyn FnMut(Range<u64>)) {}
}

impl<B: SyncDirtyLog> SyncDirtyLog for Option<B> {
    fn sync_dirty_log(&self, mark: &mut dyn FnMut(Range<u64>)) {
        if let Some(bitmap) = self {
            bitmap.sync_dirty_log(mark);
        }
    }
}

impl SyncDirtyLog for AtomicBitmap {
    fn sync_dirty_log(&self, mark: &mut dyn FnMut(Range<u64>)) {
        let words = self.get_and_reset();
        if words.iter().any(|word| *word != 0) {
            mark_pages(&words, page_size(self), mark);
        }
    }
}

/// Returns the number of bytes per bit.
///
/// `AtomicBitmap` has no getter for it, so this sets the first bit of a copy and searches for the end of its page.
fn page_size(bitmap: &AtomicBitmap) -> u64 {
    let mut inside = 0;
    let mut outside = bitmap.byte_size();
    let probe = AtomicBitmap::clone(bitmap);
    probe.reset();
    probe.set_bit(0);
    while outside - inside > 1 {
        let middle = inside + (outside - inside) / 2;
        *(if probe.is_addr_set(middle) { &mut inside } else { &mut outside }) = middle;
    }
    outside as u64
}

/// Calls `mark` with the range of each page whose bit is set in `words`.
fn mark_pages(words: &[u64], page_size: u64, mark: &mut dyn FnMut(Range<u64>)) {
    for (index, word) in (0_u64..).zip(words) {
        let mut rest = *word;
        while rest != 0 {
            let page = index * 64 + u64::from(rest.trailing_zeros());
            mark(page * page_size..(page + 1) * page_size);
            rest &= rest - 1;
        }
    }
}

/// The dirty log of the regions' bitmaps, which record the writes that devices make through `vm-memory`.
///
/// vCPUs of KVM bypass the bitmaps: combine it with KVM's log or [`WriteProtect`](crate::memory::WriteProtect) as
/// [`CombinedLog`](crate::memory::CombinedLog).
#[derive(Debug)]
pub struct BitmapLog<R> {
    page_size: u64,
    blocks: Vec<GuestBlock<R>>,
    /// The pages that the bitmaps have reported and that were not collected.
    pending: Vec<DirtyBitmap>,
    running: Running,
}

impl<R: Region<Bitmap: SyncDirtyLog>> BitmapLog<R> {
    /// Creates a stopped log of `blocks`, which have the order of `layout`. Share the regions with the blocks of the
    /// machine.
    #[must_use]
    pub fn new(layout: &Layout, blocks: Vec<GuestBlock<R>>) -> Self {
        Self { page_size: layout.page_size().bytes(), blocks, pending: layout.bitmaps(), running: Running::default() }
    }

    /// Takes the dirty ranges of the bitmaps.
    fn sync(&self, block: &GuestBlock<R>, pending: &DirtyBitmap) {
        block.sync_dirty_log(&mut |bytes| {
            pending.insert_range(bytes.start / self.page_size..bytes.end.div_ceil(self.page_size));
        });
    }

    fn block(&self, block: usize) -> Result<(&GuestBlock<R>, &DirtyBitmap), MemoryError> {
        self.running.check()?;
        let found = self.blocks.get(block).zip(self.pending.get(block));
        found.ok_or(MemoryError::UnknownBlock { block, blocks: self.blocks.len() })
    }
}

impl<R: Region<Bitmap: SyncDirtyLog> + Send + Sync> DirtyLog for BitmapLog<R> {
    fn start(&self) -> Result<(), MemoryError> {
        self.running.start()?;
        for (block, pending) in self.blocks.iter().zip(&self.pending) {
            self.sync(block, pending);
            pending.clear();
        }
        Ok(())
    }

    fn collect(&self, block: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError> {
        let (block, pending) = self.block(block)?;
        self.sync(block, pending);
        pending.move_range(pages, dirty);
        Ok(())
    }

    fn put_back(&self, block: usize, pages: &DirtyBitmap) -> Result<(), MemoryError> {
        let (_, pending) = self.block(block)?;
        pending.insert_all(pages);
        Ok(())
    }

    fn stop(&self) -> Result<(), MemoryError> {
        self.running.stop();
        Ok(())
    }
}
