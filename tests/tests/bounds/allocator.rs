//! An allocator that counts the memory of each thread, to measure a load.
#![allow(unsafe_code)] // counting allocations requires an allocator

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it is. The counters are cells of the thread that have no
// destructor and never allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller upholds the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // A block that moves exists twice for a moment.
        count(size.cast_signed());
        HELD.set(HELD.get() - layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

fn count(more: isize) {
    HELD.set(HELD.get() + more);
    PEAK.set(PEAK.get().max(HELD.get()));
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

/// The allocations of this thread since a point in time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since {
    held: isize,
    allocations: u64,
}

impl Since {
    /// Since now.
    pub(crate) fn now() -> Self {
        PEAK.set(HELD.get());
        Self { held: HELD.get(), allocations: ALLOCATIONS.get() }
    }

    /// The most bytes that were held at once and had not been held before.
    pub(crate) fn peak(self) -> u64 {
        u64::try_from(PEAK.get() - self.held).unwrap_or(0)
    }

    /// Returns the number of allocations and reallocations.
    pub(crate) fn allocations(self) -> u64 {
        ALLOCATIONS.get() - self.allocations
    }
}
