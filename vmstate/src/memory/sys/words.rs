//! Words of zeros that several threads access.

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::ptr::slice_from_raw_parts_mut;
use std::sync::atomic::AtomicU64;

/// Returns zeros without touching them: the system allocates their memory when they are written. Returns none if the address
/// space has no room for them.
pub(in crate::memory) fn zeroed(count: usize) -> Box<[AtomicU64]> {
    let layout = match Layout::array::<AtomicU64>(count) {
        Ok(layout) if layout.size() > 0 => layout,
        _ => return Box::default(),
    };
    // SAFETY: the size of the layout is not zero.
    let words = unsafe { alloc_zeroed(layout) }.cast::<AtomicU64>();
    if words.is_null() {
        handle_alloc_error(layout);
    }
    // SAFETY: `words` is new memory of the global allocator with the layout of this slice, and zero is a valid `AtomicU64`.
    unsafe { Box::from_raw(slice_from_raw_parts_mut(words, count)) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn words_are_zero_and_writable() {
        for count in [0, 1, 1000] {
            let words = zeroed(count);
            assert_eq!(words.len(), count);
            for word in &words {
                assert_eq!(word.swap(u64::MAX, Ordering::Relaxed), 0);
            }
        }
        assert_eq!(zeroed(usize::MAX).len(), 0);
    }
}
