//! Hints to the processor.

/// Asks the processor to load the beginning of each page of `size` bytes, for a caller that reads all of them soon. The
/// processor itself stops at the end of a page when it reads ahead, so that the first access to the next one waits.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) fn prefetch_pages(start: *const u8, length: usize, size: usize) {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};

    for offset in (0..length).step_by(size.max(1)) {
        // SAFETY: a prefetch has no effect that a program can observe, and any address is valid: it does not fault.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(start.wrapping_add(offset).cast()) };
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
pub(crate) fn prefetch_pages(_: *const u8, _: usize, _: usize) {}
