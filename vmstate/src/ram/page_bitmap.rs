//! Bitmaps of the pages of one block.

use std::ops::Range;

/// A set of pages of one block, as QEMU's `RAMBlock::bmap`.
#[derive(Debug)]
pub(super) struct PageBitmap {
    words: Vec<u64>,
    /// The words from this index on are zero, so that taking out all pages from the end visits each word once.
    end: usize,
}

impl PageBitmap {
    /// Creates an empty set for a block of `pages` pages.
    pub(super) fn new(pages: u64) -> Self {
        let words = usize::try_from(pages.div_ceil(64)).unwrap_or(0);
        Self { words: vec![0; words], end: 0 }
    }

    /// Returns the number of pages that fit.
    pub(super) fn capacity(&self) -> usize {
        self.words.len() * 64
    }

    fn position(page: u64) -> (usize, u64) {
        (usize::try_from(page / 64).unwrap_or(usize::MAX), 1 << (page % 64))
    }

    /// Returns whether a page is in the set.
    pub(super) fn contains(&self, page: u64) -> bool {
        let (word, bit) = Self::position(page);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Creates a set of all of the block's pages.
    pub(super) fn all(pages: u64) -> Self {
        let mut all = Self::new(pages);
        all.words.fill(u64::MAX);
        all.end = all.words.len();
        if let (Some(last), rest @ 1..) = (all.words.last_mut(), pages % 64) {
            *last = (1 << rest) - 1;
        }
        all
    }

    /// Counts the pages.
    pub(super) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Returns the first run of consecutive pages at or after `page`. A run ends at the end of a word, so that it has at
    /// most 64 pages.
    pub(super) fn run_from(&self, page: u64) -> Option<Range<u64>> {
        let first = self.next_from(page)?;
        let (word, _) = Self::position(first);
        let run = (self.words.get(word)? >> (first % 64)).trailing_ones();
        Some(first..first + u64::from(run))
    }

    /// Returns the first page at or after `page`.
    fn next_from(&self, page: u64) -> Option<u64> {
        let (first, bit) = Self::position(page);
        let rest = self.words.get(first)? & !(bit - 1);
        let found = match rest {
            0 => self.words.iter().enumerate().skip(first + 1).find(|(_, word)| **word != 0),
            _ => Some((first, &rest)),
        };
        found.map(|(index, word)| index as u64 * 64 + u64::from(word.trailing_zeros()))
    }

    /// Adds a page, and returns whether it is new.
    pub(super) fn insert(&mut self, page: u64) -> bool {
        let (index, bit) = Self::position(page);
        let Some(word) = self.words.get_mut(index) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        self.end = self.end.max(index + 1);
        new
    }

    /// Removes a page.
    pub(super) fn remove(&mut self, page: u64) {
        let (word, bit) = Self::position(page);
        if let Some(word) = self.words.get_mut(word) {
            *word &= !bit;
        }
    }

    /// Removes the last page and returns it.
    pub(super) fn pop(&mut self) -> Option<u64> {
        while let Some(index) = self.end.checked_sub(1) {
            let word = self.words.get_mut(index)?;
            if *word != 0 {
                let bit = 63 - word.leading_zeros();
                *word &= !(1 << bit);
                return Some(index as u64 * 64 + u64::from(bit));
            }
            self.end = index;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_in_ascending_order() {
        for count in [1, 63, 64, 65, 200] {
            let mut pages = PageBitmap::all(count);
            assert_eq!(pages.count(), count);
            let found: Vec<_> = std::iter::successors(pages.next_from(0), |page| pages.next_from(page + 1)).collect();
            assert_eq!(found, (0..count).collect::<Vec<_>>());
            let starts = std::iter::successors(pages.run_from(0), |run| pages.run_from(run.end));
            assert_eq!(starts.flatten().collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
            assert_eq!(pages.pop(), Some(count - 1));
            pages.remove(0);
            assert_eq!(pages.next_from(0), (count > 2).then_some(1));
            assert_eq!(pages.next_from(count), None);
        }
    }

    #[test]
    fn a_run_ends_before_a_missing_page() {
        let mut pages = PageBitmap::all(200);
        pages.remove(70);
        pages.remove(71);
        assert_eq!(pages.run_from(3), Some(3..64));
        assert_eq!(pages.run_from(64), Some(64..70));
        assert_eq!(pages.run_from(70), Some(72..128));
        assert_eq!(pages.run_from(199), Some(199..200));
        assert_eq!(pages.run_from(200), None);
    }
}
