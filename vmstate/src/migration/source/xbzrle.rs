//! The statistics of pages that are sent as changes.

use std::time::Duration;

use crate::migration::status::XbzrleStatistics;
use crate::ram::xbzrle::Counters;

/// The numbers of pages, and their rates in the last period.
#[derive(Debug, Default, Clone)]
pub(super) struct Encoded {
    counters: Counters,
    /// The numbers at the end of the last period.
    before: Counters,
    /// The pages that were sent in any form until the end of the last period.
    pages_before: u64,
    measured: Duration,
    miss_rate: f64,
    encoding_rate: f64,
}

/// The shortest period of a rate (`migration_bitmap_sync` in QEMU's `migration/ram.c`).
pub(super) const PERIOD: Duration = Duration::from_secs(1);

impl Encoded {
    /// Records the numbers after a part of the memory was sent.
    pub(super) fn count(&mut self, counters: Counters) {
        self.counters = counters;
    }

    /// Returns whether pages were found in the cache.
    pub(super) fn is_used(&self) -> bool {
        self.counters.pages > 0
    }

    /// Measures the rates at a synchronization of the dirty log, if it ends a period. `plain` pages were sent without
    /// changes. (QEMU: `migration_update_rates` in `migration/ram.c`.)
    pub(super) fn measure(&mut self, at: Duration, plain: u64, page_size: u64) {
        if at.saturating_sub(self.measured) < PERIOD {
            return;
        }
        let (now, before) = (self.counters, self.before);
        let pages = plain + (now.pages - now.overflows);
        let sent = pages.saturating_sub(self.pages_before);
        self.miss_rate = ratio(now.misses - before.misses, sent);
        self.encoding_rate = ratio((now.pages - before.pages) * page_size, now.bytes - before.bytes);
        (self.before, self.pages_before, self.measured) = (now, pages, at);
    }

    pub(super) fn statistics(&self, cache_size: u64) -> XbzrleStatistics {
        let Counters { bytes, pages, misses, overflows, .. } = self.counters;
        let (cache_miss_rate, encoding_rate) = (self.miss_rate, self.encoding_rate);
        let (cache_miss, overflow) = (misses, overflows);
        XbzrleStatistics { cache_size, bytes, pages, cache_miss, cache_miss_rate, encoding_rate, overflow }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(pages: u64, bytes: u64, misses: u64, overflows: u64) -> Counters {
        let mut counters = Counters::default();
        (counters.pages, counters.bytes, counters.misses, counters.overflows) = (pages, bytes, misses, overflows);
        counters
    }

    #[test]
    fn rates_are_measured_once_per_second() {
        let mut encoded = Encoded::default();
        assert!(!encoded.is_used());
        encoded.count(counters(10, 4096, 5, 0));
        encoded.measure(Duration::from_millis(900), 10, 4096);
        assert_eq!(
            encoded.statistics(1),
            XbzrleStatistics { cache_size: 1, bytes: 4096, pages: 10, cache_miss: 5, ..Default::default() }
        );
        encoded.measure(Duration::from_millis(1000), 10, 4096);
        let found = encoded.statistics(1);
        assert_eq!((found.cache_miss_rate, found.encoding_rate), (0.25, 10.0));
        // In the next period, one of 8 pages overflows, and nothing is missed.
        encoded.count(counters(18, 3 * 4096, 5, 1));
        encoded.measure(Duration::from_millis(2000), 11, 4096);
        let found = encoded.statistics(1);
        assert_eq!((found.cache_miss_rate, found.encoding_rate, found.overflow), (0.0, 4.0, 1));
        assert!(encoded.is_used());
        encoded.measure(Duration::from_millis(3000), 11, 4096);
        assert_eq!(encoded.statistics(1).encoding_rate, 0.0);
    }
}
