//! The threads of a guest that wait for pages.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use super::latency::FaultLatency;

/// The times for which the threads of a guest have waited for pages, at the destination of postcopy (QEMU's capability
/// `postcopy-blocktime`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Blocktime {
    /// The time for which all vCPUs have waited at once (`postcopy-blocktime`).
    pub all: Duration,
    /// The vCPUs, in the order of [`Host::vcpu_threads`](crate::migration::Host::vcpu_threads).
    pub vcpus: Vec<ThreadWaits>,
    /// All other threads, and threads that the system does not report.
    pub others: ThreadWaits,
    /// The times until pages have arrived.
    pub latency: FaultLatency,
}

/// The times for which a thread has waited for pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ThreadWaits {
    /// The sum (`postcopy-vcpu-blocktime`).
    pub blocked: Duration,
    /// The number of pages.
    pub pages: u64,
}

impl ThreadWaits {
    /// Returns the average time (`postcopy-vcpu-latency`), which is zero without pages.
    #[must_use]
    pub fn average(&self) -> Duration {
        let nanos = self.blocked.as_nanos().checked_div(self.pages.into()).unwrap_or(0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn add(&mut self, waited: Duration) {
        self.blocked = self.blocked.saturating_add(waited);
        self.pages = self.pages.saturating_add(1);
    }
}

/// A page that threads wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::migration) struct MissingPage {
    pub(in crate::migration) block: usize,
    pub(in crate::migration) offset: u64,
    pub(in crate::migration) size: u64,
}

/// Measures [`Blocktime`].
#[derive(Debug, Default)]
pub(in crate::migration) struct BlocktimeRecorder {
    /// The threads that wait for a page. A thread waits for one page at a time, so there are as many as threads.
    pages: HashMap<MissingPage, Vec<Waiting>>,
    /// The sums of threads, with their numbers.
    threads: HashMap<u32, ThreadWaits>,
    unreported: ThreadWaits,
    vcpus: Vec<u32>,
    /// The time since which all vCPUs wait.
    all_since: Option<Instant>,
    all: Duration,
    latency: FaultLatency,
}

#[derive(Debug)]
struct Waiting {
    thread: Option<u32>,
    since: Instant,
}

impl BlocktimeRecorder {
    /// Sets the threads of the vCPUs. Earlier waits of these threads count, too.
    pub(in crate::migration) fn set_vcpus(&mut self, vcpus: Vec<u32>, now: Instant) {
        self.vcpus = vcpus;
        self.update(now);
    }

    /// Records that a thread waits for a page. Returns whether no other thread waits for it.
    pub(in crate::migration) fn wait(&mut self, page: MissingPage, thread: Option<u32>, now: Instant) -> bool {
        let waiting = Waiting { thread, since: now };
        let is_first = match self.pages.entry(page) {
            Entry::Vacant(entry) => {
                entry.insert(vec![waiting]);
                true
            }
            Entry::Occupied(mut entry) => {
                // A thread that was woken for another reason faults again.
                if thread.is_some() && entry.get().iter().all(|other| other.thread != thread) {
                    entry.get_mut().push(waiting);
                }
                false
            }
        };
        self.update(now);
        is_first
    }

    /// Records that a page has arrived.
    pub(in crate::migration) fn arrived(&mut self, page: &MissingPage, now: Instant) {
        let Some(waiting) = self.pages.remove(page) else { return };
        for (number, waiting) in waiting.iter().enumerate() {
            let waited = now.saturating_duration_since(waiting.since);
            if number == 0 {
                self.latency.add(waited);
            }
            match waiting.thread {
                Some(thread) => self.threads.entry(thread).or_default().add(waited),
                None => self.unreported.add(waited),
            }
        }
        self.update(now);
    }

    /// Returns the pages that threads wait for.
    pub(in crate::migration) fn missing(&self) -> Vec<MissingPage> {
        self.pages.keys().copied().collect()
    }

    pub(in crate::migration) fn latency(&self) -> FaultLatency {
        self.latency
    }

    pub(in crate::migration) fn blocktime(&self, now: Instant) -> Blocktime {
        let of = |thread: &u32| self.threads.get(thread).copied().unwrap_or_default();
        let strangers = self.threads.iter().filter(|(thread, _)| !self.vcpus.contains(thread));
        let others = strangers.fold(self.unreported, |sum, (_, waits)| ThreadWaits {
            blocked: sum.blocked.saturating_add(waits.blocked),
            pages: sum.pages.saturating_add(waits.pages),
        });
        let current = self.all_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let all = self.all.saturating_add(current);
        Blocktime { all, vcpus: self.vcpus.iter().map(of).collect(), others, latency: self.latency }
    }

    /// Adds the time in which all vCPUs wait.
    fn update(&mut self, now: Instant) {
        let waits = |vcpu: &u32| self.pages.values().flatten().any(|waiting| waiting.thread == Some(*vcpu));
        let all_wait = !self.vcpus.is_empty() && self.vcpus.iter().all(waits);
        match (self.all_since, all_wait) {
            (None, true) => self.all_since = Some(now),
            (Some(since), false) => {
                self.all = self.all.saturating_add(now.saturating_duration_since(since));
                self.all_since = None;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn page(number: u64) -> MissingPage {
        MissingPage { block: 0, offset: number * 4096, size: 4096 }
    }

    #[test]
    fn times_of_all_and_of_each_vcpu() {
        let (start, mut recorder) = (Instant::now(), BlocktimeRecorder::default());
        // The first fault precedes the list of vCPUs.
        assert!(recorder.wait(page(0), Some(10), start));
        recorder.set_vcpus(vec![10, 11], start);
        assert!(recorder.wait(page(1), Some(11), start + 2 * MS));
        assert!(!recorder.wait(page(1), Some(11), start + 3 * MS), "woken and waiting again");
        assert!(!recorder.wait(page(1), Some(99), start + 3 * MS), "a thread of a device");
        assert_eq!(recorder.blocktime(start + 4 * MS).all, 2 * MS, "both wait");
        recorder.arrived(&page(0), start + 5 * MS);
        recorder.arrived(&page(1), start + 7 * MS);
        let found = recorder.blocktime(start + 9 * MS);
        assert_eq!(found.all, 3 * MS);
        let waits = |blocked, pages| ThreadWaits { blocked, pages };
        assert_eq!((found.vcpus, found.others), (vec![waits(5 * MS, 1), waits(5 * MS, 1)], waits(4 * MS, 1)));
        assert_eq!((found.latency.faults(), found.latency.average()), (2, Some(5 * MS)));
        assert!(recorder.missing().is_empty());
    }

    #[test]
    fn unreported_threads_are_others() {
        let (start, mut recorder) = (Instant::now(), BlocktimeRecorder::default());
        assert!(recorder.wait(page(3), None, start));
        assert!(!recorder.wait(page(3), None, start + MS));
        assert_eq!(recorder.missing(), [page(3)]);
        recorder.arrived(&page(3), start + 2 * MS);
        recorder.arrived(&page(3), start + 3 * MS);
        let found = recorder.blocktime(start + 3 * MS);
        assert_eq!((found.all, found.vcpus.len(), found.others.average()), (Duration::ZERO, 0, 2 * MS));
        assert_eq!(found.others.pages, 1);
        assert_eq!(ThreadWaits::default().average(), Duration::ZERO);
    }
}
