//! Bitmaps of pages in files: little-endian words of 64 pages.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

use crate::memory::{DirtyBitmap, DirtyWord};

/// A set of pages of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
    pages: u64,
}

impl Bits {
    pub(super) fn empty(pages: u64) -> Self {
        let words = usize::try_from(pages.div_ceil(64)).unwrap_or(0);
        Self { words: vec![0; words], pages }
    }

    pub(super) fn full(pages: u64) -> Self {
        let mut bits = Self::empty(pages);
        bits.words.fill(u64::MAX);
        bits.cut();
        bits
    }

    /// Reads the bitmap at `place` of a file. The file is checked before memory is allocated.
    pub(super) fn read(file: &File, place: u64, pages: u64) -> io::Result<Self> {
        let size = pages.div_ceil(64).saturating_mul(8);
        let end = place.checked_add(size).filter(|end| file.metadata().is_ok_and(|found| *end <= found.len()));
        end.ok_or(ErrorKind::UnexpectedEof)?;
        let mut bytes = vec![0; usize::try_from(size).map_err(|_| ErrorKind::OutOfMemory)?];
        file.read_exact_at(&mut bytes, place)?;
        let words = bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let mut bits = Self { words, pages };
        bits.cut();
        Ok(bits)
    }

    /// Removes the pages that do not exist.
    fn cut(&mut self) {
        let used = self.pages % 64;
        if let Some(last) = self.words.last_mut().filter(|_| used > 0) {
            *last &= u64::MAX >> (64 - used);
        }
    }

    /// Returns the number of pages of the block.
    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Keeps only the pages that the other set has, too.
    pub(super) fn intersect(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    pub(super) fn to_bitmap(&self) -> DirtyBitmap {
        let bitmap = DirtyBitmap::new(self.pages);
        self.words.iter().zip(0..).for_each(|(word, number)| bitmap.put_back(DirtyWord::new(number * 64, *word)));
        bitmap
    }
}

/// Returns the bytes of a set in a file.
pub(in crate::snapshot) fn bytes_of(bitmap: &DirtyBitmap) -> Vec<u8> {
    let mut bits = Bits::empty(bitmap.pages());
    for page in bitmap.runs().flatten() {
        let word = usize::try_from(page / 64).ok().and_then(|index| bits.words.get_mut(index));
        if let Some(word) = word {
            *word |= 1 << (page % 64);
        }
    }
    bits.to_bytes()
}
