//! Sending pages over several channels.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use vmstate_types::SaveError;

use crate::memory::{DirtyBitmap, DirtyWord};
use crate::ram::mapped::PlacedPages;
use crate::section::SentPages;

/// The pages that the channels have to send, and the budget that they share.
#[derive(Debug)]
pub(crate) struct SharedSave {
    state: Mutex<State>,
    /// Wakes the channels.
    work: Condvar,
    /// Wakes the section.
    progress: Condvar,
}

#[derive(Debug)]
struct State {
    page_size: u64,
    dirty: Arc<[DirtyBitmap]>,
    /// The places of pages, if the channels write a file.
    placed: Option<Arc<PlacedPages>>,
    /// The block and the page at which the walk over the memory continues.
    block: usize,
    page: u64,
    /// The bytes that may be claimed, which is 0 between sections.
    budget: u64,
    /// The zero pages that the main channel has to report.
    zero: Vec<(usize, u64)>,
    channels: usize,
    /// The number of synchronization points so far, and of the channels that have reached the last one.
    synchronizations: u64,
    synchronized: usize,
    sent: SentPages,
    bytes: u64,
    error: Option<String>,
    stopped: bool,
}

/// The synchronization points of channels: everything that was claimed before has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyncPoints {
    /// The ends of walks over the memory, which records of the main channel mark.
    Walks,
    /// The ends of sections.
    Sections,
    /// The ends of walks over the memory, without records: the channels write a file.
    File,
}

/// The next task of a channel.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Send pages of the block with this number.
    Pages(usize, DirtyWord),
    /// Send the pages that were collected so far.
    Flush,
    /// Send everything, and then a synchronization point.
    Synchronize,
    Stop,
}

/// The pages and bytes of a packet.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) normal: u64,
    pub(crate) zero: u64,
    pub(crate) bytes: u64,
}

/// The most zero pages that wait for the main channel.
const MAX_ZERO: usize = 4096;

impl SharedSave {
    /// Creates the work of `channels` channels.
    pub(crate) fn new(channels: usize) -> Self {
        let state = State {
            page_size: 0,
            dirty: Arc::new([]),
            placed: None,
            block: 0,
            page: 0,
            budget: 0,
            zero: Vec::with_capacity(MAX_ZERO),
            channels,
            synchronizations: 0,
            synchronized: 0,
            sent: SentPages::default(),
            bytes: 0,
            error: None,
            stopped: false,
        };
        Self { state: Mutex::new(state), work: Condvar::new(), progress: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent after each statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next task of a channel that has sent `synchronizations` synchronization points, and that has `pending`
    /// pages which are not sent.
    pub(crate) fn claim(&self, synchronizations: u64, pending: bool) -> Claim {
        let mut state = self.lock();
        loop {
            if state.stopped || state.error.is_some() {
                return Claim::Stop;
            } else if state.synchronizations > synchronizations {
                return Claim::Synchronize;
            }
            let claimed = state.claim();
            if state.budget == 0 || claimed.is_none() {
                self.progress.notify_all();
            }
            match claimed {
                Some((block, word)) => return Claim::Pages(block, word),
                None if pending => return Claim::Flush,
                None => state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Returns the places of pages, if the channels write a file.
    pub(super) fn placed(&self) -> Option<Arc<PlacedPages>> {
        self.lock().placed.clone()
    }

    /// Records a packet.
    pub(crate) fn sent(&self, sent: Sent) {
        let mut state = self.lock();
        state.sent.normal += sent.normal;
        state.sent.zero += sent.zero;
        state.bytes += sent.bytes;
    }

    /// Records a zero page that the main channel has to report. Zero pages do not count against the budget.
    pub(crate) fn zero(&self, block: usize, offset: u64) {
        self.lock().zero.push((block, offset));
    }

    /// Records that a channel has sent a synchronization point.
    pub(crate) fn synchronized(&self) {
        self.lock().synchronized += 1;
        self.progress.notify_all();
    }

    /// Records the failure of a channel.
    pub(crate) fn fail(&self, error: String) {
        self.lock().error.get_or_insert(error);
        self.work.notify_all();
        self.progress.notify_all();
    }

    /// Ends all channels.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.work.notify_all();
    }

    /// Returns the bytes that the channels have sent.
    pub(crate) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// Begins with the pages in `dirty`, which have fixed places if `placed` has them.
    pub(in crate::ram) fn begin(&self, dirty: Arc<[DirtyBitmap]>, page_size: u64, placed: Option<Arc<PlacedPages>>) {
        let mut state = self.lock();
        (state.dirty, state.page_size, state.placed) = (dirty, page_size, placed);
        (state.block, state.page, state.sent, state.bytes) = (0, 0, SentPages::default(), 0);
    }

    #[cfg(all(test, unix, feature = "migration"))]
    pub(in crate::ram) fn dirty(&self) -> Arc<[DirtyBitmap]> {
        Arc::clone(&self.lock().dirty)
    }

    /// Lets the channels send `limit` bytes. Returns whether the walk over the memory has reached its end, and the rest of the
    /// bytes. Before the end, either no bytes are left, or the main channel has to report zero pages.
    pub(in crate::ram) fn run(&self, limit: u64) -> Result<(bool, u64), SaveError> {
        let mut state = self.lock();
        state.budget = limit;
        self.work.notify_all();
        loop {
            state.check()?;
            if state.is_at_end() || state.budget == 0 || state.zero.len() >= MAX_ZERO {
                // Nothing is claimed until the next run. The log may be synchronized until then, and a page that was claimed
                // before could be sent twice between two synchronization points, in any order.
                let left = std::mem::take(&mut state.budget);
                return Ok((state.is_at_end(), left));
            }
            state = self.progress.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has each channel send a synchronization point, and waits for them.
    pub(in crate::ram) fn synchronize(&self) -> Result<(), SaveError> {
        let mut state = self.lock();
        state.synchronizations += 1;
        state.synchronized = 0;
        self.work.notify_all();
        while state.synchronized < state.channels {
            state.check()?;
            state = self.progress.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Begins the next walk over the memory.
    pub(in crate::ram) fn restart(&self) {
        let mut state = self.lock();
        (state.block, state.page) = (0, 0);
    }

    /// Calls `report` with each zero page that the main channel has to report.
    pub(in crate::ram) fn take_zero(&self, mut report: impl FnMut(usize, u64)) {
        self.lock().zero.drain(..).for_each(|(block, offset)| report(block, offset));
    }

    pub(in crate::ram) fn sent_pages(&self) -> SentPages {
        self.lock().sent
    }
}

impl State {
    /// Takes the next word of pages.
    fn claim(&mut self) -> Option<(usize, DirtyWord)> {
        if self.budget == 0 || self.zero.len() >= MAX_ZERO {
            return None;
        }
        while let Some(dirty) = self.dirty.get(self.block) {
            if let Some(word) = dirty.claim(self.page) {
                self.page = word.end();
                self.budget = self.budget.saturating_sub(u64::from(word.count()) * self.page_size);
                return Some((self.block, word));
            }
            (self.block, self.page) = (self.block + 1, 0);
        }
        None
    }

    fn is_at_end(&self) -> bool {
        self.block >= self.dirty.len()
    }

    fn check(&self) -> Result<(), SaveError> {
        match &self.error {
            Some(error) => Err(SaveError::io(std::io::Error::other(error.clone()))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// A page that a channel sends between two sections can be sent again before the next synchronization point, over another
    /// channel, which may be faster.
    #[test]
    fn pages_are_claimed_only_while_a_section_runs() {
        let shared = SharedSave::new(1);
        let dirty: Arc<[_]> = Arc::new([DirtyBitmap::full(100)]);
        shared.begin(dirty.clone(), 4096, None);
        let (at_end, left) = thread::scope(|scope| {
            scope.spawn(|| while matches!(shared.claim(0, true), Claim::Pages(..)) || !dirty[0].is_empty() {});
            shared.run(1 << 20).unwrap()
        });
        assert_eq!((at_end, left, dirty[0].count()), (true, (1 << 20) - 100 * 4096, 0));
        shared.restart();
        dirty[0].insert(7);
        assert!(matches!(shared.claim(0, true), Claim::Flush));
        assert_eq!(dirty[0].count(), 1);
    }

    #[test]
    fn zero_pages_wait_for_the_main_channel() {
        let shared = SharedSave::new(1);
        let dirty: Arc<[_]> = Arc::new([DirtyBitmap::full(100)]);
        shared.begin(dirty.clone(), 4096, None);
        let zero: Vec<_> = (0..4096).map(|page| (1, page * 4096)).collect();
        zero.iter().for_each(|&(block, offset)| shared.zero(block, offset));
        assert_eq!(shared.run(1 << 20).unwrap(), (false, 1 << 20));
        shared.lock().budget = 1 << 20;
        assert!(matches!(shared.claim(0, true), Claim::Flush));
        assert_eq!(dirty[0].count(), 100, "the list is full");
        let mut reported = Vec::new();
        shared.take_zero(|block, offset| reported.push((block, offset)));
        assert!(reported == zero);
        assert!(matches!(shared.claim(0, true), Claim::Pages(0, _)));
        shared.take_zero(|block, offset| panic!("{block} {offset}"));
    }

    #[test]
    fn next_save_begins_at_the_first_page() {
        let shared = SharedSave::new(1);
        let dirty: Arc<[_]> = Arc::new([DirtyBitmap::full(1)]);
        shared.begin(dirty.clone(), 4096, None);
        shared.sent(Sent { normal: 1, zero: 2, bytes: 3 });
        shared.lock().budget = 1 << 20;
        assert!(matches!(shared.claim(0, true), Claim::Pages(0, _)));
        assert!(matches!(shared.claim(0, true), Claim::Flush));
        assert!(shared.lock().is_at_end());
        dirty[0].insert(0);
        shared.begin(dirty, 4096, None);
        let sent = shared.sent_pages();
        assert_eq!((sent.normal, sent.zero, shared.bytes()), (0, 0, 0));
        assert!(matches!(shared.claim(0, true), Claim::Pages(0, _)));
    }

    #[test]
    fn failure_of_a_channel_ends_the_section() {
        let shared = SharedSave::new(1);
        shared.begin(Arc::new([DirtyBitmap::full(1)]), 4096, None);
        shared.fail("broken".to_owned());
        shared.fail("later".to_owned());
        for error in [shared.synchronize().unwrap_err(), shared.run(1).unwrap_err()] {
            assert!(error.to_string().contains("broken"), "{error}");
        }
        assert!(matches!(shared.claim(0, false), Claim::Stop));
    }

    #[test]
    fn waiting_channels_end_with_the_save() {
        for end in [SharedSave::stop, |shared: &SharedSave| shared.fail("broken".to_owned())] {
            let shared = SharedSave::new(1);
            thread::scope(|scope| {
                let channel = scope.spawn(|| shared.claim(0, false));
                // It is likely to wait now.
                thread::sleep(std::time::Duration::from_millis(20));
                end(&shared);
                assert!(matches!(channel.join().unwrap(), Claim::Stop));
            });
        }
    }

    #[test]
    fn waiting_section_ends_with_a_channel() {
        let shared = SharedSave::new(1);
        shared.begin(Arc::new([DirtyBitmap::full(1)]), 4096, None);
        thread::scope(|scope| {
            let section = scope.spawn(|| shared.run(1 << 20));
            thread::sleep(std::time::Duration::from_millis(20));
            shared.fail("broken".to_owned());
            assert!(section.join().unwrap().unwrap_err().to_string().contains("broken"));
        });
    }
}
