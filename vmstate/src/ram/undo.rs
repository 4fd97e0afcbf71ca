//! Going back to what memory was before a load that failed.
//!
//! Pages are loaded in place, where they belong: a machine that has just been made, whose memory is all zero, costs
//! nothing but one bit for each page. Of a page that was not zero a copy is kept when data come for it, so that never
//! more is held than has come. A stream says in nine bytes that a page shall be zero: this is put off until the end of
//! the load, for else a short stream could make us copy all of a large memory.

use std::ops::Range;

use vmstate_types::LoadError;

use super::block::{RamBlock, look, slice};
use super::load::Place;
use super::page_size::PageSize;
use super::pages::Pages;
use super::zero::{is_filled, is_zero};

/// Copies are kept in pieces, so that none of them ever moves: each is twice as large as the one before, up to this size.
const PIECE: usize = 1 << 20;

/// What a load has changed in all blocks.
#[derive(Debug)]
pub(super) struct Undo {
    blocks: Vec<BlockUndo>,
    page: Vec<u8>,
}

impl Undo {
    pub(super) fn new<B: RamBlock>(blocks: &[B], page_size: PageSize) -> Self {
        let page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
        let blocks = blocks.iter().map(|block| BlockUndo::new(block.size().div_ceil(page_size.bytes()))).collect();
        Self { blocks, page }
    }

    /// Notes what the page at `place` is, before it is written.
    pub(super) fn note<B: RamBlock>(&mut self, blocks: &[B], place: Place) -> Result<(), LoadError> {
        let (Some(block), Some(undo)) = (blocks.get(place.block), self.blocks.get_mut(place.block)) else {
            return Ok(());
        };
        let page = place.offset / self.page.len() as u64;
        if !undo.touched.contains(page) {
            if !undo.is_zero(block, page, self.page.len()) {
                undo.keep(page, look(block, place.offset, &mut self.page).map_err(unreadable)?);
            }
            undo.touched.insert(page);
        }
        undo.put_off.remove(page);
        Ok(())
    }

    /// Fills the page at `place`, now or at the end of the load.
    pub(super) fn fill<B: RamBlock>(&mut self, blocks: &mut [B], place: Place, fill: u8) -> Result<(), LoadError> {
        let (Some(block), Some(undo)) = (blocks.get_mut(place.block), self.blocks.get_mut(place.block)) else {
            return Ok(());
        };
        let page = place.offset / self.page.len() as u64;
        if undo.touched.contains(page) {
            self.page.fill(fill);
            return block.write(place.offset, &self.page);
        }
        undo.put_off.remove(page);
        if fill == 0 && undo.is_zero(block, page, self.page.len()) {
            return Ok(());
        }
        if !is_filled(look(block, place.offset, &mut self.page).map_err(unreadable)?, fill) {
            undo.put_off(page, fill);
        }
        Ok(())
    }

    /// Does what was put off.
    pub(super) fn finish<B: RamBlock>(&mut self, blocks: &mut [B]) -> Result<(), LoadError> {
        for (block, undo) in blocks.iter_mut().zip(&mut self.blocks) {
            while let Some(page) = undo.put_off.pop() {
                let offset = page * self.page.len() as u64;
                undo.keep(page, look(block, offset, &mut self.page).map_err(unreadable)?);
                undo.touched.insert(page);
                self.page.fill(undo.fill_of(page));
                block.write(offset, &self.page)?;
            }
        }
        Ok(())
    }

    /// Makes all pages what they were.
    pub(super) fn undo<B: RamBlock>(&mut self, blocks: &mut [B]) {
        let size = self.page.len();
        for (block, undo) in blocks.iter_mut().zip(&mut self.blocks) {
            self.page.fill(0);
            while let Some(page) = undo.touched.pop() {
                // A block that took a page before takes it again; if not, there is nobody to tell.
                let _ = block.write(page * size as u64, &self.page);
            }
            for piece in undo.kept.drain(..) {
                for copy in piece.chunks_exact(NUMBER + size) {
                    let (number, bytes) = copy.split_at(NUMBER);
                    let page = number.try_into().map_or(0, u64::from_ne_bytes);
                    let _ = block.write(page * size as u64, bytes);
                }
            }
        }
    }
}

/// Before each copy stands the number of its page.
const NUMBER: usize = size_of::<u64>();

fn unreadable(error: vmstate_types::SaveError) -> LoadError {
    LoadError::rejected("memory that can be read, to go back to it if the load fails", error)
}

/// What a load has changed in one block.
#[derive(Debug)]
struct BlockUndo {
    /// Pages that have been written. They were zero, or are in `kept`.
    touched: Pages,
    /// Pages that are to be filled at the end.
    put_off: Pages,
    /// What each page is to be filled with; empty as long as it is zero for all.
    fills: Vec<u8>,
    /// Copies of what pages were.
    kept: Vec<Vec<u8>>,
    /// These pages were zero when they were last looked at, and are so where they have not been touched.
    zero: Range<u64>,
    /// How many pages were looked at then.
    ahead: u64,
}

/// So many bytes are looked at at once, at most: they fit into the processor's own cache, with what comes.
const AHEAD: u64 = 32 * 1024;

impl BlockUndo {
    fn new(pages: u64) -> Self {
        let (touched, put_off) = (Pages::new(pages), Pages::new(pages));
        Self { touched, put_off, fills: Vec::new(), kept: Vec::new(), zero: 0..0, ahead: 1 }
    }

    /// Whether a page that has not been touched is known to be zero.
    ///
    /// Where one page comes after the other, more and more of those behind it are looked at too: the processor then
    /// fetches them while it looks, and does not wait for each page anew.
    fn is_zero<B: RamBlock>(&mut self, block: &B, page: u64, size: usize) -> bool {
        if self.zero.contains(&page) {
            return true;
        }
        let bytes = size as u64;
        let left = (block.size() / bytes).saturating_sub(page);
        let most = (AHEAD / bytes).min(left).max(1);
        self.ahead = if self.zero.end == page { most.min(2 * self.ahead) } else { 1 };
        let length = usize::try_from(self.ahead).map_or(size, |ahead| ahead * size);
        let memory = slice(block, page * bytes, length).or_else(|| slice(block, page * bytes, size));
        let zero = memory.unwrap_or_default().chunks_exact(size).take_while(|page| is_zero(page));
        self.zero = page..page + zero.count() as u64;
        !self.zero.is_empty()
    }

    fn keep(&mut self, page: u64, bytes: &[u8]) {
        if is_zero(bytes) {
            return;
        }
        let room = NUMBER + bytes.len();
        let last = self.kept.last().map_or((0, 0), |piece| (piece.capacity(), piece.len()));
        if last.0 - last.1 < room {
            self.kept.push(Vec::with_capacity((2 * last.0).clamp(room, PIECE.max(room))));
        }
        if let Some(piece) = self.kept.last_mut() {
            piece.extend_from_slice(&page.to_ne_bytes());
            piece.extend_from_slice(bytes);
        }
    }

    fn put_off(&mut self, page: u64, fill: u8) {
        self.put_off.insert(page);
        if fill != 0 && self.fills.is_empty() {
            self.fills = vec![0; self.put_off.capacity()];
        }
        if let Some(place) = usize::try_from(page).ok().and_then(|page| self.fills.get_mut(page)) {
            *place = fill;
        }
    }

    fn fill_of(&self, page: u64) -> u8 {
        usize::try_from(page).ok().and_then(|page| self.fills.get(page)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::VecBlock;
    use super::*;

    const PAGE: usize = 256;

    fn memory() -> Vec<VecBlock> {
        let bytes =
            (0..8 * PAGE).map(|index| if (index / PAGE).is_multiple_of(2) { 0 } else { (index % 251) as u8 }).collect();
        vec![VecBlock::new("a", bytes), VecBlock::new("b", vec![0; 8 * PAGE])]
    }

    proptest! {
        #[test]
        fn pages_come_back_and_are_what_was_loaded_until_then(
            steps in prop::collection::vec((0..2_usize, 0..8_u64, any::<Option<u8>>(), 0..4_u8), 0..40),
        ) {
            let (mut loaded, before) = (memory(), memory());
            let mut expected = memory();
            let mut undo = Undo::new(&loaded, PageSize::new(PAGE as u64).unwrap());
            for (block, page, data, fill) in steps {
                let offset = page * PAGE as u64;
                let bytes = [data.unwrap_or(fill); PAGE];
                let place = Place { block, offset };
                match data {
                    Some(_) => {
                        undo.note(&loaded, place).unwrap();
                        loaded[block].write(offset, &bytes).unwrap();
                    }
                    None => undo.fill(&mut loaded, place, fill).unwrap(),
                }
                expected[block].write(offset, &bytes).unwrap();
            }
            undo.finish(&mut loaded).unwrap();
            prop_assert_eq!(&loaded, &expected);
            undo.undo(&mut loaded);
            prop_assert_eq!(&loaded, &before);
        }
    }

    #[test]
    fn pages_behind_each_other_are_looked_at_together() {
        let memory = [VecBlock::new("a", vec![0; 1000 * PAGE])];
        let mut undo = Undo::new(&memory, PageSize::new(PAGE as u64).unwrap());
        let mut looks = Vec::new();
        for page in 0..1000 {
            undo.note(&memory, Place { block: 0, offset: page * PAGE as u64 }).unwrap();
            looks.push(undo.blocks[0].zero.clone());
        }
        looks.dedup();
        assert!(looks.len() < 20, "{looks:?}");
        assert_eq!(looks.last().map(|last| last.end), Some(1000));
    }

    #[test]
    fn a_page_that_shall_be_zero_costs_nothing_before_the_end() {
        let mut memory = memory();
        let mut undo = Undo::new(&memory, PageSize::new(PAGE as u64).unwrap());
        for page in 0..8 {
            undo.fill(&mut memory, Place { block: 0, offset: page * PAGE as u64 }, 0).unwrap();
        }
        assert!(undo.blocks[0].kept.is_empty());
        undo.finish(&mut memory).unwrap();
        assert!(memory[0].bytes.iter().all(|byte| *byte == 0));
    }
}
