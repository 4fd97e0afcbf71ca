//! The passes of a migration, as the policy sees them.

use std::collections::VecDeque;
use std::time::Duration;

/// A pass over memory, from one synchronization of the dirty log to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pass {
    /// The time of the synchronization, since the start of the migration.
    pub started: Duration,
    /// The bytes of memory to send, after the synchronization.
    pub remaining: u64,
    /// The bytes of memory that the guest has written since the synchronization before.
    pub dirtied: u64,
}

/// The history of a migration.
///
/// ```
/// use std::time::Duration;
///
/// use vmstate::migration::policy::History;
///
/// let mut history = History::new(1 << 30, None);
/// history.sent(100 << 20, 100 << 20, Duration::from_millis(100));
/// assert_eq!(history.remaining(), (1 << 30) - (100 << 20));
/// assert_eq!(history.bandwidth(), Some(1000 << 20));
/// history.synchronized(Duration::from_millis(100), 8 << 20);
/// assert_eq!(history.remaining(), (1 << 30) - (92 << 20));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The recent passes. The first is the initial one, in which all memory is dirty.
    passes: VecDeque<Pass>,
    remaining: u64,
    /// Set while nothing was sent since the last synchronization.
    exact: bool,
    /// The bytes and the duration of recent writes.
    samples: VecDeque<Sample>,
    /// The slice that has ended last, which QEMU's rule looks at.
    slice: Option<Sample>,
    devices: Duration,
    handshake: Duration,
}

/// Bytes that were sent in a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sample {
    bytes: u64,
    duration: Duration,
}

impl Sample {
    fn per_second(self) -> Option<u64> {
        let nanos = self.duration.as_nanos();
        let rate = (u128::from(self.bytes) * 1_000_000_000).checked_div(nanos)?;
        Some(u64::try_from(rate).unwrap_or(u64::MAX))
    }
}

/// The number of passes that are kept: enough to see a period of a guest that alternates.
const PASSES: usize = 64;
/// The number of writes over which the bandwidth is measured. A write is the part of a slice that is sent at once.
const SAMPLES: usize = 32;
/// The devices of a machine whose devices have not been measured: the median of the machines in the tests.
const DEVICES: Duration = Duration::from_millis(1);

impl History {
    /// Creates the history of a migration whose memory of `total` bytes is all to be sent, and whose devices take
    /// `device_time` while the guest is stopped, if it was measured.
    #[must_use]
    pub fn new(total: u64, device_time: Option<Duration>) -> Self {
        Self {
            passes: VecDeque::from([Pass { started: Duration::ZERO, remaining: total, dirtied: total }]),
            remaining: total,
            exact: false,
            samples: VecDeque::new(),
            slice: None,
            devices: device_time.unwrap_or(DEVICES),
            handshake: Duration::ZERO,
        }
    }

    /// Records that `bytes` of the stream were written in `duration`, with pages of `memory` bytes.
    ///
    /// The duration excludes the waiting for the rate limit, which does not apply to a stopped guest.
    pub fn sent(&mut self, memory: u64, bytes: u64, duration: Duration) {
        self.remaining = self.remaining.saturating_sub(memory);
        self.exact = false;
        push(&mut self.samples, Sample { bytes, duration }, SAMPLES);
    }

    /// Records the end of a slice in which `bytes` of the stream were sent, with the waiting for the rate limit.
    pub fn slice_ended(&mut self, bytes: u64, duration: Duration) {
        self.slice = Some(Sample { bytes, duration });
    }

    /// Records a synchronization of the dirty log at time `now`, which has found `dirtied` bytes that have to be sent
    /// again.
    pub fn synchronized(&mut self, now: Duration, dirtied: u64) {
        self.remaining = self.remaining.saturating_add(dirtied);
        self.exact = true;
        push(&mut self.passes, Pass { started: now, remaining: self.remaining, dirtied }, PASSES);
    }

    /// Records that `bytes` of memory are left to send.
    pub(crate) fn remains(&mut self, bytes: u64) {
        self.remaining = bytes;
    }

    /// Records the time of the handshake, from a measured round trip.
    pub fn handshake_takes(&mut self, duration: Duration) {
        self.handshake = duration;
    }

    /// Returns the bytes of memory that are left to send, as of the last synchronization.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Returns whether nothing was sent since the last synchronization, so that the remaining bytes are exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// Iterates over the recent passes, the last one first.
    pub fn passes(&self) -> impl Iterator<Item = &Pass> {
        self.passes.iter().rev()
    }

    /// Returns the bandwidth of recent writes in bytes per second.
    #[must_use]
    pub fn bandwidth(&self) -> Option<u64> {
        let bytes = self.samples.iter().fold(0_u64, |sum, sample| sum.saturating_add(sample.bytes));
        Sample { bytes, duration: self.samples.iter().map(|sample| sample.duration).sum() }.per_second()
    }

    /// Returns the bandwidth of the last slice in bytes per second, once a slice has ended.
    #[must_use]
    pub fn slice_bandwidth(&self) -> Option<u64> {
        self.slice.and_then(Sample::per_second)
    }

    /// Returns the rate at which the guest has written memory in the last pass, in bytes per second.
    #[must_use]
    pub fn dirty_rate(&self) -> Option<u64> {
        let mut passes = self.passes();
        let (last, before) = (passes.next()?, passes.next()?);
        Sample { bytes: last.dirtied, duration: last.started.saturating_sub(before.started) }.per_second()
    }

    /// Estimates the bytes that the guest has written since the last synchronization: as fast as in the last pass, but no
    /// more than in it, because most guests write the same pages again.
    #[must_use]
    pub fn expected_dirty(&self, now: Duration) -> u64 {
        let last = self.passes.back().filter(|_| self.passes.len() > 1);
        let (Some(last), Some(rate)) = (last, self.dirty_rate()) else { return 0 };
        let elapsed = now.saturating_sub(last.started).as_nanos();
        let written = u128::from(rate) * elapsed / 1_000_000_000;
        last.dirtied.min(u64::try_from(written).unwrap_or(u64::MAX))
    }

    pub(super) fn devices(&self) -> Duration {
        self.devices
    }

    pub(super) fn handshake(&self) -> Duration {
        self.handshake
    }
}

/// Appends to a queue of limited length.
fn push<T>(queue: &mut VecDeque<T>, item: T, limit: usize) {
    if queue.len() == limit {
        queue.pop_front();
    }
    queue.push_back(item);
}
