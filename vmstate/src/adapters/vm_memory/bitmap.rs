//! The bitmaps of `vm-memory` that record writes.

use std::ops::Range;

use vm_memory::bitmap::{AtomicBitmap, Bitmap};

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
