//! Limits the rate at which the hart writes memory, for the capability `dirty-limit`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vmstate::migration::DirtyLimitStatistics;
use vmstate::migration::DirtyLimiter;
use vmstate::migration::policy::DirtyLimit;

/// The bytes of a page.
const PAGE: u64 = 4096;

/// The limit, which the host sets and the thread of the hart follows.
#[derive(Debug, Default)]
pub(super) struct WriteLimiter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    limit: Option<DirtyLimit>,
    statistics: DirtyLimitStatistics,
}

impl WriteLimiter {
    fn lock(&self) -> MutexGuard<'_, State> {
        // All changes are single assignments.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DirtyLimiter for WriteLimiter {
    fn limit(&self, limit: Option<DirtyLimit>) {
        *self.lock() = State { limit, ..State::default() };
    }

    fn statistics(&self) -> DirtyLimitStatistics {
        self.lock().statistics
    }
}

/// The pages that the hart may write, by the thread that runs it.
///
/// It counts pages that the log of a migration has collected since they were last written: only these are sent again. The hart
/// can write many of them in the slice in which they are collected, and waits for all of them afterwards, so the limit holds
/// for periods that are longer than this wait.
#[derive(Debug, Default)]
pub(super) struct WriteBudget {
    period: Option<Period>,
    /// The time in nanoseconds that a limited board may run at once.
    slice: u64,
}

/// The marks of the log of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    /// The number of collections, each of which removes all marks.
    pub(super) collections: u64,
    /// The number of marked pages.
    pub(super) pages: u64,
}

impl Marks {
    /// Returns the number of pages that were marked since `earlier`.
    fn since(self, earlier: Self) -> u64 {
        // The hart can have written as many pages again after a collection.
        if self.collections == earlier.collections { self.pages.saturating_sub(earlier.pages) } else { self.pages }
    }
}

/// The time since which pages are counted.
#[derive(Debug, Clone, Copy)]
struct Period {
    limit: DirtyLimit,
    started: Instant,
    /// The marks at the last look.
    marks: Marks,
    /// The pages that were written in the period.
    pages: u64,
    /// The time for which the hart has waited in the period.
    waited: Duration,
}

/// The shortest and the longest time in nanoseconds that the board runs between checks for tasks. It is part of the downtime of a
/// migration.
const SLICES: std::ops::RangeInclusive<u64> = 1_000..=200_000;
/// The pages of a slice above which the slices get shorter.
const PAGES: u64 = 8;

impl WriteBudget {
    /// Returns the longest time that the board may run at once.
    pub(super) fn slice(&self) -> u64 {
        if self.period.is_some() { self.slice } else { *SLICES.end() }
    }

    /// Follows the limit. `count` returns the marks, if a limit begins.
    pub(super) fn follow(&mut self, limiter: &WriteLimiter, now: Instant, count: impl FnOnce() -> Marks) {
        let limit = limiter.lock().limit;
        if limit == self.period.map(|period| period.limit) {
            return;
        }
        let period = |limit| Period { limit, started: now, marks: count(), pages: 0, waited: Duration::ZERO };
        (self.period, self.slice) = (limit.map(period), *SLICES.start());
    }

    /// Counts the pages of a slice, if the board is limited. `count` returns the marks.
    pub(super) fn count(&mut self, count: impl FnOnce() -> Marks) {
        let Some(period) = &mut self.period else { return };
        let marks = count();
        let new = marks.since(period.marks);
        (period.marks, period.pages) = (marks, period.pages + new);
        let slice = if new > PAGES { self.slice / 2 } else { self.slice * 2 };
        self.slice = slice.clamp(*SLICES.start(), *SLICES.end());
    }

    /// Returns the time for which the hart has to wait before it may write again. Begins another period after a whole one.
    pub(super) fn wait(&mut self, limiter: &WriteLimiter, now: Instant) -> Duration {
        let Some(period) = &mut self.period else { return Duration::ZERO };
        let elapsed = now.saturating_duration_since(period.started);
        let needed = time_of(period.pages, period.limit.rate);
        if elapsed < needed {
            return needed - elapsed;
        }
        if elapsed >= period.limit.period {
            limiter.lock().statistics = period.statistics(elapsed);
            *period = Period { started: now, pages: 0, waited: Duration::ZERO, ..*period };
        }
        Duration::ZERO
    }

    /// Records that the hart has waited.
    pub(super) fn waited(&mut self, duration: Duration) {
        if let Some(period) = &mut self.period {
            period.waited += duration;
        }
    }
}

impl Period {
    fn statistics(&self, elapsed: Duration) -> DirtyLimitStatistics {
        let round = |time: Duration| {
            let nanos = time.as_nanos() * u128::from(DirtyLimitStatistics::RING);
            let nanos = nanos.checked_div(self.pages.into()).unwrap_or_default();
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
        };
        DirtyLimitStatistics::new(round(self.waited.min(elapsed)), round(elapsed))
    }
}

/// Returns the time in which this number of pages may be written.
fn time_of(pages: u64, rate: u64) -> Duration {
    let nanos = u128::from(pages) * u128::from(PAGE) * 1_000_000_000;
    Duration::from_nanos(u64::try_from(nanos / u128::from(rate.max(1))).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use vmstate::migration::Parameters;

    use super::*;

    fn limited(mib: u64) -> WriteLimiter {
        let limiter = WriteLimiter::default();
        let mut parameters = Parameters::default();
        parameters.vcpu_dirty_limit = mib;
        limiter.limit(Some(DirtyLimit::new(&parameters)));
        limiter
    }

    fn marks(collections: u64, pages: u64) -> Marks {
        Marks { collections, pages }
    }

    #[test]
    fn written_pages_take_their_time() {
        let (limiter, now) = (limited(1), Instant::now());
        let mut budget = WriteBudget::default();
        budget.follow(&limiter, now, || marks(0, 100));
        assert_eq!(budget.wait(&limiter, now), Duration::ZERO, "earlier pages are free");
        budget.count(|| marks(0, 100 + 512));
        assert_eq!(budget.wait(&limiter, now), Duration::from_secs(2));
        let later = now + Duration::from_millis(1500);
        assert_eq!(budget.wait(&limiter, later), Duration::from_millis(500));
        budget.waited(Duration::from_millis(1900));
        assert_eq!(budget.wait(&limiter, now + Duration::from_secs(2)), Duration::ZERO);
        let found = limiter.statistics();
        assert_eq!((found.throttled, found.ring_full), (Duration::from_millis(15_200), Duration::from_secs(16)));
    }

    #[test]
    fn collected_pages_count_when_they_are_written_again() {
        let (limiter, now) = (limited(1), Instant::now());
        let mut budget = WriteBudget::default();
        budget.follow(&limiter, now, || marks(0, 1000));
        budget.count(|| marks(1, 256));
        assert_eq!(budget.wait(&limiter, now), Duration::from_secs(1));
    }

    #[test]
    fn pages_count_that_were_all_written_again_at_once() {
        let (limiter, now) = (limited(1), Instant::now());
        let mut budget = WriteBudget::default();
        budget.follow(&limiter, now, || marks(4, 512));
        budget.count(|| marks(5, 512));
        assert_eq!(budget.wait(&limiter, now), Duration::from_secs(2));
    }

    #[test]
    fn end_of_the_limit_ends_the_wait() {
        let (limiter, now) = (limited(1), Instant::now());
        let mut budget = WriteBudget::default();
        budget.follow(&limiter, now, || marks(0, 0));
        budget.count(|| marks(0, 4096));
        assert!(!budget.wait(&limiter, now).is_zero());
        limiter.limit(None);
        budget.follow(&limiter, now, || panic!("nothing is counted"));
        budget.count(|| panic!("nothing is counted"));
        assert_eq!((budget.wait(&limiter, now), budget.slice()), (Duration::ZERO, 200_000));
    }

    #[test]
    fn slices_follow_the_writes() {
        let (limiter, now) = (limited(1 << 20), Instant::now());
        let mut budget = WriteBudget::default();
        budget.follow(&limiter, now, || marks(0, 0));
        assert_eq!(budget.slice(), 1000);
        (0..20).for_each(|_| budget.count(|| marks(0, 0)));
        assert_eq!(budget.slice(), 200_000);
        budget.count(|| marks(0, 100));
        assert_eq!(budget.slice(), 100_000);
    }
}
