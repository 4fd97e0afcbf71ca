//! Pages that channels send.

use std::sync::Arc;

use vmstate_types::{SaveError, Writer};

use super::RamSaver;
use crate::memory::DirtyBitmap;
use crate::ram::channels::{SharedSave, SyncPoints};
use crate::ram::record::{Record, write_record};

/// The channels that send the pages.
pub(super) struct Channels {
    pub(super) shared: Arc<SharedSave>,
    points: SyncPoints,
}

impl RamSaver {
    /// Sends the pages over channels.
    pub(in crate::ram) fn channels(mut self, shared: Arc<SharedSave>, points: SyncPoints) -> Self {
        self.channels = Some(Channels { shared, points });
        self
    }

    /// Begins to send pages over channels, which synchronize first: the destination has the list of blocks then.
    pub(super) fn begin_channels(&self, out: &mut Writer) -> Result<(), SaveError> {
        let Some(Channels { shared, points }) = &self.channels else { return Ok(()) };
        shared.begin(Arc::clone(&self.dirty), self.layout.page_size().bytes(), self.placed.clone());
        shared.synchronize()?;
        points.end_walk(out);
        Ok(())
    }

    /// Lets the channels send `limit` bytes, and writes the records that belong to them. Returns whether all pages have been
    /// sent, or `None` if the pages are not sent over channels.
    pub(in crate::ram) fn send_over_channels(
        &mut self,
        limit: u64,
        out: &mut Writer,
    ) -> Result<Option<bool>, SaveError> {
        let Some(Channels { shared, points }) = &self.channels else { return Ok(None) };
        let mut left = limit;
        loop {
            let at_end;
            (at_end, left) = shared.run(left)?;
            let is_done = at_end && self.dirty.iter().all(DirtyBitmap::is_empty);
            let ends_section = is_done || left == 0;
            // A page is sent once in a walk, and in a section: the log is not synchronized within one.
            if if *points == SyncPoints::Sections { ends_section } else { at_end } {
                shared.synchronize()?;
            }
            let (blocks, last_block) = (self.layout.blocks(), &mut self.last_block);
            shared.take_zero(|index, offset| {
                let same_block = last_block.replace(index) == Some(index);
                let idstr = blocks.get(index).map_or("", |block| &block.idstr);
                write_record(out, &Record::Zero { offset, same_block, fill: 0 }, idstr);
            });
            if at_end {
                shared.restart();
                points.end_walk(out);
            }
            if ends_section {
                return Ok(Some(is_done));
            }
        }
    }
}

impl SyncPoints {
    /// Writes the record at the end of a walk.
    fn end_walk(self, out: &mut Writer) {
        if self == Self::Walks {
            write_record(out, &Record::MultifdFlush, "");
        }
    }
}

#[cfg(all(test, unix, feature = "migration"))]
mod tests {
    use std::thread;

    use super::*;
    use crate::memory::{PageSize, VecBlock};
    use crate::ram::channels::Claim;

    /// Ends the section if the test fails.
    struct Guard<'s>(&'s SharedSave);

    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            self.0.fail("the test has ended".to_owned());
        }
    }

    /// Waits for a task, and returns none that flushes.
    fn task(shared: &SharedSave, synchronizations: u64) -> Claim {
        loop {
            match shared.claim(synchronizations, true) {
                Claim::Flush => thread::yield_now(),
                other => return other,
            }
        }
    }

    /// Checks that a task has these pages.
    #[track_caller]
    fn assert_pages(claim: &Claim, pages: std::ops::Range<u64>) {
        let &Claim::Pages(0, word) = claim else { panic!("{claim:?}") };
        assert!(word.runs().flatten().eq(pages), "{claim:?}");
    }

    fn synchronize(shared: &SharedSave, reached: u64) {
        let claim = task(shared, reached);
        assert!(matches!(claim, Claim::Synchronize), "{claim:?}");
        shared.synchronized();
    }

    /// A write to a file that ends after the next write of the same page would leave the older content there.
    #[test]
    fn pages_are_sent_again_only_after_synchronization() {
        for points in [SyncPoints::File, SyncPoints::Walks] {
            let shared = Arc::new(SharedSave::new(2));
            let blocks = [VecBlock::new("ram", vec![0; 128 * 4096])];
            let mut saver = RamSaver::new(PageSize::DEFAULT).channels(Arc::clone(&shared), points);
            thread::scope(|scope| {
                let _guard = Guard(&shared);
                let section = scope.spawn(|| {
                    let mut out = Writer::new();
                    saver.setup(&blocks, &mut out)?;
                    saver.send_over_channels(u64::MAX, &mut out)
                });
                synchronize(&shared, 0);
                synchronize(&shared, 0);
                // Channel A writes for a long time, and the guest writes one of its pages again.
                assert_pages(&task(&shared, 1), 0..64);
                shared.dirty()[0].insert(7);
                // Channel B has less to do.
                assert_pages(&task(&shared, 1), 64..128);
                synchronize(&shared, 1);
                for _ in 0..1000 {
                    let claim = shared.claim(2, true);
                    assert!(matches!(claim, Claim::Flush), "channel A has not written the page: {claim:?}");
                    thread::yield_now();
                }
                synchronize(&shared, 1);
                assert_pages(&task(&shared, 2), 7..8);
                synchronize(&shared, 2);
                synchronize(&shared, 2);
                assert_eq!(section.join().unwrap().unwrap(), Some(true));
            });
        }
    }

    #[test]
    fn zero_pages_of_channels_are_reported() {
        for points in [SyncPoints::File, SyncPoints::Walks] {
            let shared = Arc::new(SharedSave::new(1));
            let blocks = [VecBlock::new("ram", vec![0; 128 * 4096])];
            let mut saver = RamSaver::new(PageSize::DEFAULT).channels(Arc::clone(&shared), points);
            let (mut list, mut out) = (Writer::new(), Writer::new());
            thread::scope(|scope| {
                let _guard = Guard(&shared);
                let section = scope.spawn(|| {
                    saver.setup(&blocks, &mut list)?;
                    saver.send_over_channels(u64::MAX, &mut out)
                });
                synchronize(&shared, 0);
                assert_pages(&task(&shared, 1), 0..64);
                [1, 2].iter().for_each(|page| shared.zero(0, page * 4096));
                assert_pages(&task(&shared, 1), 64..128);
                synchronize(&shared, 1);
                assert_eq!(section.join().unwrap().unwrap(), Some(true));
            });
            let mut expected = Writer::new();
            for (page, same_block) in [(1, false), (2, true)] {
                write_record(&mut expected, &Record::Zero { offset: page * 4096, same_block, fill: 0 }, "ram");
            }
            let mut end = Writer::new();
            points.end_walk(&mut end);
            assert_eq!(end.pending().len(), if points == SyncPoints::Walks { 8 } else { 0 });
            expected.bytes(end.pending());
            assert_eq!(out.pending(), expected.pending(), "{points:?}");
            write_record(&mut end, &Record::EndOfSection, "");
            assert!(list.pending().ends_with(&[b"ram\0\0\0\0\0\x08\0\0", end.pending()].concat()), "{points:?}");
        }
    }

    #[test]
    fn budgets_end_sections_before_the_walk() {
        for points in [SyncPoints::File, SyncPoints::Sections] {
            let shared = Arc::new(SharedSave::new(1));
            let blocks = [VecBlock::new("ram", vec![0; 128 * 4096])];
            let mut saver = RamSaver::new(PageSize::DEFAULT).channels(Arc::clone(&shared), points);
            let synchronizes = points == SyncPoints::Sections;
            thread::scope(|scope| {
                let _guard = Guard(&shared);
                let section = scope.spawn(|| {
                    saver.setup(&blocks, &mut Writer::new())?;
                    let part = saver.send_over_channels(64 * 4096, &mut Writer::new())?;
                    let rest = saver.send_over_channels(u64::MAX, &mut Writer::new())?;
                    Ok::<_, SaveError>((part, rest))
                });
                synchronize(&shared, 0);
                assert_pages(&task(&shared, 1), 0..64);
                if synchronizes {
                    synchronize(&shared, 1);
                }
                let reached = 1 + u64::from(synchronizes);
                assert_pages(&task(&shared, reached), 64..128);
                synchronize(&shared, reached);
                assert_eq!(section.join().unwrap().unwrap(), (Some(false), Some(true)), "{points:?}");
            });
        }
    }
}
