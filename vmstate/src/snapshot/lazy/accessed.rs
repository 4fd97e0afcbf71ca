//! The pages that a guest accesses after a restore, in the order of the first accesses.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::memory::DirtyBitmap;

/// A set of pages that knows in which order they were inserted.
pub(super) struct Accessed {
    pages: DirtyBitmap,
    /// Without duplicates. Pages that were inserted one after the other are one range if they are adjacent.
    order: Mutex<Vec<Range<u64>>>,
}

impl Accessed {
    pub(super) fn new(pages: u64) -> Self {
        Self { pages: DirtyBitmap::new(pages), order: Mutex::default() }
    }

    /// Appends the pages that are not in the set.
    pub(super) fn insert(&self, pages: Range<u64>) {
        let mut order = self.lock();
        for page in pages {
            if !self.pages.insert(page) {
                continue;
            }
            match order.last_mut() {
                Some(last) if last.end == page => last.end += 1,
                _ => order.push(page..page + 1),
            }
        }
    }

    pub(super) fn in_order(&self) -> Vec<Range<u64>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Range<u64>>> {
        // Each page is inserted completely or not at all.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_keep_the_order_of_their_insertion() {
        let accessed = Accessed::new(100);
        for pages in [7..8, 8..9, 3..5, 0..10, 9..11, 4..5] {
            accessed.insert(pages);
        }
        assert_eq!(accessed.in_order(), [7..9, 3..5, 0..3, 5..7, 9..11]);
    }
}
