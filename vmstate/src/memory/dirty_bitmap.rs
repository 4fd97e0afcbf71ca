//! Bitmaps of the pages of one block.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::sys;

/// A set of pages of one block, as QEMU's `RAMBlock::bmap`, that several threads share.
///
/// Each operation is atomic for the 64 pages of a word. Pages that do not exist are ignored.
///
/// ```
/// use vmstate::memory::DirtyBitmap;
///
/// let dirty = DirtyBitmap::new(1000);
/// dirty.insert_range(100..200);
/// dirty.remove(150);
/// assert_eq!(dirty.count(), 99);
/// assert_eq!(dirty.runs().collect::<Vec<_>>(), [100..150, 151..200]);
///
/// // Workers claim 64 pages at a time, which no other worker gets.
/// let word = dirty.claim(0).unwrap();
/// assert_eq!(word.runs().collect::<Vec<_>>(), [100..128]);
/// assert_eq!(dirty.count(), 99 - 28);
/// # Ok::<(), ()>(())
/// ```
#[derive(Debug)]
pub struct DirtyBitmap {
    words: Box<[AtomicU64]>,
    pages: u64,
}

impl Clone for DirtyBitmap {
    fn clone(&self) -> Self {
        let words = self.words.iter().map(|word| AtomicU64::new(word.load(Ordering::Relaxed)));
        Self { words: words.collect(), pages: self.pages }
    }
}

/// The number of pages of a word.
const WORD: u64 = 64;

impl DirtyBitmap {
    /// Creates an empty set for a block of `pages` pages.
    #[must_use]
    pub fn new(pages: u64) -> Self {
        let words = usize::try_from(pages.div_ceil(WORD)).unwrap_or(0);
        // A large block has few pages in most sets: the words of the others are never touched.
        Self { words: sys::words::zeroed(words), pages }
    }

    /// Creates a set of all pages of a block of `pages` pages.
    #[must_use]
    pub fn full(pages: u64) -> Self {
        let full = Self::new(pages);
        full.insert_range(0..pages);
        full
    }

    /// Returns the number of pages of the block.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Counts the pages in the set.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.load(Ordering::Relaxed).count_ones())).sum()
    }

    /// Returns whether no page is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| word.load(Ordering::Relaxed) == 0)
    }

    /// Returns whether a page is in the set.
    #[must_use]
    pub fn contains(&self, page: u64) -> bool {
        self.word(page).is_some_and(|word| word.load(Ordering::Relaxed) & bit(page) != 0)
    }

    /// Adds a page, and returns whether it is new.
    pub fn insert(&self, page: u64) -> bool {
        let Some(word) = self.word(page).filter(|_| page < self.pages) else { return false };
        word.fetch_or(bit(page), Ordering::AcqRel) & bit(page) == 0
    }

    /// Removes a page, and returns whether it was in the set.
    pub fn remove(&self, page: u64) -> bool {
        self.word(page).is_some_and(|word| word.fetch_and(!bit(page), Ordering::AcqRel) & bit(page) != 0)
    }

    /// Adds pages, and returns the number of new ones.
    pub fn insert_range(&self, pages: Range<u64>) -> u64 {
        let new = |(word, mask): (&AtomicU64, u64)| mask & !word.fetch_or(mask, Ordering::AcqRel);
        self.masks(pages).map(new).map(|new| u64::from(new.count_ones())).sum()
    }

    /// Removes pages, and returns the number of pages that were in the set.
    pub fn remove_range(&self, pages: Range<u64>) -> u64 {
        let old = |(word, mask): (&AtomicU64, u64)| mask & word.fetch_and(!mask, Ordering::AcqRel);
        self.masks(pages).map(old).map(|old| u64::from(old.count_ones())).sum()
    }

    /// Removes all pages.
    pub fn clear(&self) {
        self.words.iter().for_each(|word| word.store(0, Ordering::Release));
    }

    /// Takes the first page at or after `page`.
    pub fn take_from(&self, page: u64) -> Option<u64> {
        let mut from = page;
        loop {
            from = self.find(from)?;
            // Another thread may take it first.
            if self.remove(from) {
                return Some(from);
            }
        }
    }

    /// Adds all pages of `other`, and returns the number of new ones.
    pub fn insert_all(&self, other: &Self) -> u64 {
        other.runs().map(|run| self.insert_range(run)).sum()
    }

    /// Moves the pages of `pages` to `other`, and returns the number of pages that are new there.
    pub fn move_range(&self, pages: Range<u64>, other: &Self) -> u64 {
        // Most logs have nothing to move.
        let Some(first) = self.find_until(pages.start, pages.end.min(self.pages), 0) else { return 0 };
        let pages = first..pages.end;
        let moved = self.masks(pages.clone()).zip(other.masks(pages)).map(|((from, mask), (to, _))| {
            // Most words of a log are empty.
            let taken = match from.load(Ordering::Relaxed) & mask {
                0 => return 0,
                _ => from.fetch_and(!mask, Ordering::AcqRel) & mask,
            };
            u64::from((taken & !to.fetch_or(taken, Ordering::AcqRel)).count_ones())
        });
        moved.sum()
    }

    /// Returns the maximal runs of consecutive pages, in ascending order.
    pub fn runs(&self) -> impl Iterator<Item = Range<u64>> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let run = self.run_from(from, u64::MAX)?;
            from = run.end;
            Some(run)
        })
    }

    /// Returns the first run of consecutive pages at or after `page`, with at most `most` pages.
    #[must_use]
    pub fn run_from(&self, page: u64, most: u64) -> Option<Range<u64>> {
        let start = self.find(page)?;
        let most = start.saturating_add(most).min(self.pages);
        let end = self.find_until(start, most, u64::MAX).unwrap_or(most);
        Some(start..end)
    }

    /// Takes the pages of the first word with any, at or after the one of `page`: no other thread gets them.
    ///
    /// Continue with [`DirtyWord::end`].
    pub fn claim(&self, page: u64) -> Option<DirtyWord> {
        let first = usize::try_from(page / WORD).ok()?;
        let words = self.words.iter().enumerate().skip(first);
        let mut taken = words
            .filter(|(_, word)| word.load(Ordering::Relaxed) != 0)
            .map(|(index, word)| DirtyWord { first: index as u64 * WORD, bits: word.swap(0, Ordering::AcqRel) });
        taken.find(|word| word.bits != 0)
    }

    /// Puts claimed pages back.
    pub fn put_back(&self, word: DirtyWord) {
        if let Some(slot) = self.word(word.first).filter(|_| word.bits != 0) {
            slot.fetch_or(word.bits, Ordering::AcqRel);
        }
    }

    fn word(&self, page: u64) -> Option<&AtomicU64> {
        self.words.get(usize::try_from(page / WORD).ok()?)
    }

    /// Returns the words of `pages` with their bits.
    fn masks(&self, pages: Range<u64>) -> impl Iterator<Item = (&AtomicU64, u64)> {
        let end = pages.end.min(self.pages);
        let numbers = pages.start / WORD..end.div_ceil(WORD);
        let skipped = usize::try_from(numbers.start).unwrap_or(usize::MAX);
        self.words.iter().skip(skipped).zip(numbers).map(move |(word, number)| {
            let start = number * WORD;
            let low = u64::MAX << (pages.start.max(start) - start).min(WORD - 1);
            let high = u64::MAX >> (start + WORD).saturating_sub(end).min(WORD - 1);
            (word, if pages.start < end { low & high } else { 0 })
        })
    }

    /// Returns the first page at or after `page`.
    fn find(&self, page: u64) -> Option<u64> {
        self.find_until(page, self.pages, 0)
    }

    /// Returns the first page from `page` to `end` whose bit is set after its word is combined with `flip` by XOR.
    fn find_until(&self, page: u64, end: u64, flip: u64) -> Option<u64> {
        let first = usize::try_from(page / WORD).ok()?;
        let words = self.words.get(first..usize::try_from(end.div_ceil(WORD)).ok()?)?;
        let mut mask = u64::MAX << (page % WORD);
        for (index, word) in words.iter().enumerate() {
            let bits = (word.load(Ordering::Relaxed) ^ flip) & mask;
            if bits != 0 {
                let found = (first + index) as u64 * WORD + u64::from(bits.trailing_zeros());
                return (found < end).then_some(found);
            }
            mask = u64::MAX;
        }
        None
    }
}

fn bit(page: u64) -> u64 {
    1 << (page % WORD)
}

/// Pages of a [`DirtyBitmap`] that a worker has claimed: at most 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirtyWord {
    /// The page of the lowest bit.
    first: u64,
    bits: u64,
}

impl DirtyWord {
    /// Creates the word of the page `first`, a multiple of 64, from one bit for each page.
    #[must_use]
    pub fn new(first: u64, bits: u64) -> Self {
        Self { first: first / WORD * WORD, bits }
    }

    /// Returns the number of the first page after the word's 64 pages.
    #[must_use]
    pub fn end(self) -> u64 {
        self.first + WORD
    }

    /// Counts the pages.
    #[must_use]
    pub fn count(self) -> u32 {
        self.bits.count_ones()
    }

    /// Returns the maximal runs of consecutive pages, in ascending order.
    pub fn runs(mut self) -> impl Iterator<Item = Range<u64>> {
        std::iter::from_fn(move || {
            let start = self.bits.trailing_zeros();
            let length = (self.bits.checked_shr(start)?).trailing_ones();
            let run = u64::MAX.checked_shr(64 - length)?.checked_shl(start)?;
            self.bits &= !run;
            let start = self.first + u64::from(start);
            Some(start..start + u64::from(length))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::iter::once;

    #[test]
    fn runs_are_found_across_words() {
        for count in [1, 63, 64, 65, 127, 128, 200] {
            let pages = DirtyBitmap::full(count);
            assert_eq!(pages.count(), count);
            assert!(pages.runs().eq(once(0..count)));
            assert_eq!(pages.run_from(0, 3), Some(0..count.min(3)));
            pages.remove(0);
            assert_eq!(pages.run_from(0, 1000), (count > 1).then_some(1..count));
            assert_eq!(pages.run_from(count, 1), None);
        }
    }

    #[test]
    fn a_run_ends_before_a_missing_page() {
        let pages = DirtyBitmap::full(200);
        assert_eq!(pages.remove_range(70..72), 2);
        assert_eq!(pages.runs().collect::<Vec<_>>(), [0..70, 72..200]);
        assert_eq!(pages.run_from(199, u64::MAX), Some(199..200));
    }

    #[test]
    fn ranges_equal_single_pages() {
        let starts = [0, 1, 62, 63, 64, 65, 127, 128, 129, 130, 300];
        for start in starts {
            for end in starts {
                let (range, single) = (DirtyBitmap::new(130), DirtyBitmap::new(130));
                let new = range.insert_range(start..end);
                let inserted = (start..end).filter(|page| single.insert(*page)).count();
                assert_eq!(new, inserted as u64, "{start}..{end}");
                assert!(range.runs().eq(single.runs()), "{start}..{end}");
                assert_eq!(range.remove_range(start..end), new);
                assert!(range.is_empty());
            }
        }
    }

    #[test]
    fn claimed_words_hold_all_pages_once() {
        let pages = DirtyBitmap::new(300);
        for run in [3..5, 63..66, 190..192, 299..300] {
            pages.insert_range(run);
        }
        let (mut found, mut from) = (Vec::new(), 0);
        while let Some(word) = pages.claim(from) {
            found.extend(word.runs().flatten());
            from = word.end();
        }
        assert_eq!(found, [3, 4, 63, 64, 65, 190, 191, 299]);
        assert!(pages.is_empty());
        let all = DirtyBitmap::full(64).claim(0).unwrap();
        assert!(all.runs().eq(once(0..64)));
        pages.put_back(all);
        assert_eq!(pages.count(), 64);
    }

    #[test]
    fn moved_pages_leave_their_bitmap() {
        let (from, to) = (DirtyBitmap::full(200), DirtyBitmap::new(200));
        to.insert(100);
        assert_eq!(from.move_range(90..130, &to), 39);
        assert_eq!(from.runs().collect::<Vec<_>>(), [0..90, 130..200]);
        assert!(to.runs().eq(once(90..130)));
    }

    #[test]
    fn pages_outside_of_the_block_are_ignored() {
        let pages = DirtyBitmap::new(70);
        assert!(!pages.insert(70) && !pages.insert(u64::MAX) && !pages.contains(u64::MAX) && !pages.remove(1 << 40));
        assert_eq!(pages.insert_range(60..u64::MAX), 10);
        assert_eq!(pages.insert_range(u64::MAX..u64::MAX), 0);
        assert_eq!(pages.claim(u64::MAX), None);
    }
}
