//! Pages at fixed places of a file: the section finds them, and the channels read them.

use std::ops::Range;
use std::sync::PoisonError;

use vmstate_types::LoadError;

use super::{Block, SharedLoad};
use crate::memory::{DirtyBitmap, DirtyWord};
use crate::ram::load::PageAddress;

/// The most zero pages that are cleared without a pause, in which channels prepare theirs.
const ZERO_PAGES: usize = 512;

/// A block of the file, with the pages that no channel has claimed.
pub(super) struct Region {
    block: usize,
    /// The place of the block's first page.
    place: u64,
    present: DirtyBitmap,
    /// The page from which on pages can be claimed.
    next: u64,
}

/// Pages of a block that a channel reads from the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlacedWord {
    block: usize,
    place: u64,
    word: DirtyWord,
}

impl PlacedWord {
    /// Returns the ranges of the block, each with its place in the file.
    pub(crate) fn ranges(self, page_size: u64) -> impl Iterator<Item = (Range<u64>, u64)> {
        let bytes = move |run: Range<u64>| run.start * page_size..run.end * page_size;
        self.word.runs().map(bytes).map(move |range| (range.clone(), self.place.saturating_add(range.start)))
    }
}

impl SharedLoad {
    /// Has the channels read the pages of a block, whose first page is at `place`.
    pub(in crate::ram) fn read_places(&self, block: usize, place: u64, present: DirtyBitmap) {
        self.state().regions.push_back(Region { block, place, present, next: 0 });
        self.changed.notify_all();
    }

    /// Clears pages of a block that the file does not contain.
    pub(in crate::ram) fn zero_run(&self, block: usize, mut pages: Range<u64>) -> Result<(), LoadError> {
        while !pages.is_empty() {
            let mut memory = self.memory();
            for page in pages.by_ref().take(ZERO_PAGES) {
                memory.fill(PageAddress { block, offset: page * self.page_size.bytes() }, 0)?;
            }
        }
        Ok(())
    }

    /// Waits for pages to read. Returns `None` if the load has ended.
    pub(crate) fn claim_places(&self) -> Option<PlacedWord> {
        let mut state = self.state();
        loop {
            if state.stopped || state.error.is_some() {
                return None;
            }
            while let Some(region) = state.regions.front_mut() {
                if let Some(word) = region.present.claim(region.next) {
                    region.next = word.end();
                    let claimed = PlacedWord { block: region.block, place: region.place, word };
                    state.reading += 1;
                    return Some(claimed);
                }
                state.regions.pop_front();
            }
            if state.reading == 0 {
                self.changed.notify_all();
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Prepares claimed pages for their data: saves them for a rollback. Returns the block.
    pub(crate) fn prepare_places(&self, claimed: PlacedWord) -> Result<&Block, LoadError> {
        let block = self.blocks.get().and_then(|blocks| blocks.get(claimed.block));
        let block = block.ok_or_else(|| LoadError::misuse("the blocks of the machine", "fewer blocks"))?;
        self.save_pages(claimed.block, block, claimed.word.runs().flatten().map(|page| page * self.page_size.bytes()))?;
        Ok(block)
    }

    /// Records that claimed pages were read.
    pub(crate) fn have_read_places(&self) {
        let mut state = self.state();
        state.reading = state.reading.saturating_sub(1);
        state.reads += 1;
    }

    /// Waits until the channels have read all pages that they have to read.
    pub(in crate::ram) fn await_places(&self) -> Result<(), LoadError> {
        let mut state = self.state();
        loop {
            let found = match &state.error {
                Some(error) => error.clone(),
                None if state.regions.is_empty() && state.reading == 0 => return Ok(()),
                None if state.running < state.channels => "the end of a data channel".to_owned(),
                None => String::new(),
            };
            let expected = "pages at their places";
            if !found.is_empty() {
                return Err(LoadError::malformed(expected, found));
            }
            let reads = state.reads;
            let (next, timeout) =
                self.changed.wait_timeout(state, self.timeout).unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timeout.timed_out() && state.reads == reads {
                return Err(LoadError::malformed(expected, format!("none in {:?}", self.timeout)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use super::super::Connections;
    use super::*;
    use crate::memory::{PageSize, VecBlock};

    struct NoConnections;

    impl Connections for NoConnections {
        fn interrupt_main(&self) {}

        fn close_data(&self) {}
    }

    /// Ends the load when the test ends.
    struct Guard<'s>(&'s SharedLoad);

    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            self.0.leave(Some("the test has ended".to_owned()));
        }
    }

    /// The time limit is for one read, not for all of them.
    #[test]
    fn slow_reads_extend_the_wait() {
        let block: Block = Arc::new(VecBlock::new("ram", vec![0; 5 * 64 * 4096]));
        let (timeout, connections) = (Duration::from_secs(1), Box::new(NoConnections));
        let shared = SharedLoad::new(PageSize::DEFAULT, Some(vec![block]), 1, connections, timeout).of_file();
        shared.read_places(0, 0, DirtyBitmap::full(5 * 64));
        thread::scope(|scope| {
            let _guard = Guard(&shared);
            scope.spawn(|| {
                while shared.claim_places().is_some() {
                    thread::sleep(Duration::from_millis(300));
                    shared.have_read_places();
                }
            });
            shared.await_places().unwrap();
        });
    }

    #[test]
    fn section_waits_for_a_read_in_progress() {
        let block: Block = Arc::new(VecBlock::new("ram", vec![0; 64 * 4096]));
        let (timeout, connections) = (Duration::from_secs(60), Box::new(NoConnections));
        let shared = SharedLoad::new(PageSize::DEFAULT, Some(vec![block]), 2, connections, timeout).of_file();
        shared.read_places(0, 0, DirtyBitmap::full(64));
        let claimed = shared.claim_places().unwrap();
        assert!(claimed.ranges(4096).eq([(0..64 * 4096, 0)]));
        thread::scope(|scope| {
            let _guard = Guard(&shared);
            // Another channel finds nothing to read.
            scope.spawn(|| shared.claim_places());
            while !shared.state().regions.is_empty() {
                thread::yield_now();
            }
            let section = scope.spawn(|| shared.await_places());
            thread::sleep(Duration::from_millis(50));
            assert!(!section.is_finished(), "the pages were not read");
            shared.have_read_places();
            scope.spawn(|| shared.claim_places());
            section.join().unwrap().unwrap();
        });
    }
}
