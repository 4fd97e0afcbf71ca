//! The times for which a guest waits for pages.

use std::time::Duration;

/// The number of buckets of a histogram.
const BUCKETS: usize = 24;

/// The times for which threads of a guest have waited for pages that were requested, at the destination of postcopy.
///
/// ```
/// use std::time::Duration;
///
/// use vmstate::migration::FaultLatency;
///
/// let mut latency = FaultLatency::default();
/// latency.add(Duration::from_micros(90));
/// latency.add(Duration::from_micros(110));
/// assert_eq!(latency.faults(), 2);
/// assert_eq!(latency.average(), Some(Duration::from_micros(100)));
/// assert_eq!(latency.buckets()[6], 2, "64 to 128 microseconds");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultLatency {
    sum: Duration,
    buckets: [u64; BUCKETS],
}

impl FaultLatency {
    /// Adds a page for which a thread has waited.
    pub fn add(&mut self, waited: Duration) {
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX).max(1);
        let bucket = usize::try_from(micros.ilog2()).unwrap_or(BUCKETS).min(BUCKETS - 1);
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
        self.sum = self.sum.saturating_add(waited);
    }

    /// Returns the number of pages.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns the average time (`postcopy-latency` in QEMU 11.1), or `None` without faults.
    #[must_use]
    pub fn average(&self) -> Option<Duration> {
        let nanos = self.sum.as_nanos().checked_div(self.faults().into())?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// Returns a histogram (`postcopy-latency-dist` in QEMU 11.1): bucket `n` counts the pages that have taken 2ⁿ to 2ⁿ⁺¹
    /// microseconds. The first and the last bucket also count the pages below and above.
    #[must_use]
    pub fn buckets(&self) -> &[u64; BUCKETS] {
        &self.buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_times_are_in_the_outer_buckets() {
        let mut latency = FaultLatency::default();
        assert_eq!(latency.average(), None);
        latency.add(Duration::ZERO);
        latency.add(Duration::MAX);
        latency.add(Duration::MAX);
        assert_eq!((latency.buckets()[0], latency.buckets()[23], latency.faults()), (1, 2, 3));
        assert!(latency.average().unwrap() > Duration::from_secs(1 << 30));
    }
}
