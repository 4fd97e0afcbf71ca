//! The figures of a conversation: passes, pages, and the rate over time.

use std::time::Duration;

use serde::Serialize;

use super::seen::{PageKind, Position};

/// The highest number of passes that are listed. Later ones are counted in the last.
const MAX_PASSES: usize = 1000;
/// The highest number of intervals of a rate.
const MAX_INTERVALS: usize = 256;
/// The first length of an interval. It doubles whenever there are too many.
const INTERVAL: Duration = Duration::from_millis(10);

/// The number of transferred pages, by their form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct PageCounts {
    /// Pages with their content.
    pub content: u64,
    /// Pages of zeros.
    pub zero: u64,
    /// Pages as changes (XBZRLE).
    pub delta: u64,
    /// Compressed pages.
    pub compressed: u64,
}

impl PageCounts {
    /// Returns the number of all pages.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self { content, zero, delta, compressed } = self;
        content.saturating_add(*zero).saturating_add(*delta).saturating_add(*compressed)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (kind, count) in [
            (PageKind::Content, other.content),
            (PageKind::Zero, other.zero),
            (PageKind::Delta, other.delta),
            (PageKind::Compressed, other.compressed),
        ] {
            self.add(kind, count);
        }
    }

    pub(super) fn add(&mut self, kind: PageKind, count: u64) {
        let pages = match kind {
            PageKind::Content => &mut self.content,
            PageKind::Zero => &mut self.zero,
            PageKind::Delta => &mut self.delta,
            PageKind::Compressed => &mut self.compressed,
        };
        *pages = pages.saturating_add(count);
    }
}

/// A pass over guest memory: pages in ascending order.
///
/// A source does not announce passes. A new one begins when a source returns to lower addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemoryPass {
    /// The time of its first page, in microseconds since the recording began.
    pub begin_us: u64,
    /// The time of its last page.
    pub end_us: u64,
    /// Its pages.
    pub pages: PageCounts,
    /// The bytes that the source sent over all connections from its first page to the first page of the next pass.
    pub bytes: u64,
}

impl MemoryPass {
    /// Returns the bytes per second, or `None` if the pass took no time.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let seconds = Duration::from_micros(self.end_us.saturating_sub(self.begin_us)).as_secs_f64();
        // Precision is lost only beyond 2^53 bytes.
        #[allow(clippy::cast_precision_loss)]
        (seconds > 0.0).then(|| self.bytes as f64 / seconds)
    }
}

/// The position of one connection in the passes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scan {
    pass: usize,
    last: Option<Position>,
    /// The number of synchronizations of all data channels, after which all pages before have been sent.
    synchronizations: u64,
}

impl Scan {
    pub(super) fn synchronize(&mut self) {
        self.synchronizations = self.synchronizations.saturating_add(1);
        self.last = None;
    }
}

/// All passes.
#[derive(Debug, Default)]
pub(super) struct Passes {
    pub(super) list: Vec<MemoryPass>,
    /// The highest position in the last pass, and the number of synchronizations before it.
    furthest: Option<Position>,
    synchronizations: u64,
    pub(super) total: PageCounts,
}

impl Passes {
    /// Counts pages of a connection, of which the first one is at `position`.
    pub(super) fn count(&mut self, scan: &mut Scan, position: Option<Position>, pages: (PageKind, u64), now: u64) {
        if let Some(position) = position {
            self.advance(scan, position);
        }
        let (kind, count) = pages;
        self.total.add(kind, count);
        if self.list.is_empty() || scan.pass >= self.list.len() && self.list.len() < MAX_PASSES {
            self.list.push(MemoryPass { begin_us: now, end_us: now, pages: PageCounts::default(), bytes: 0 });
            self.furthest = None;
        }
        if scan.pass + 1 >= self.list.len() {
            self.furthest = self.furthest.max(position);
        }
        let last = self.list.len().saturating_sub(1);
        if let Some(pass) = self.list.get_mut(scan.pass.min(last)) {
            pass.pages.add(kind, count);
            pass.end_us = now;
        }
    }

    /// Moves a connection to the pass of a page.
    ///
    /// Within one connection, lower addresses begin a pass. A data channel may have no page of a pass, so after a
    /// synchronization it is compared with the pages of all channels.
    fn advance(&mut self, scan: &mut Scan, position: Position) {
        if scan.last.is_some() || scan.synchronizations == 0 {
            scan.pass += usize::from(Some(position) < scan.last);
        } else {
            let is_later = scan.synchronizations > self.synchronizations && Some(position) <= self.furthest;
            scan.pass = if is_later { self.list.len() } else { self.list.len().saturating_sub(1) };
            self.synchronizations = self.synchronizations.max(scan.synchronizations);
        }
        scan.last = Some(position);
    }

    /// Counts bytes of the source.
    pub(super) fn add_bytes(&mut self, count: u64) {
        if let Some(pass) = self.list.last_mut() {
            pass.bytes = pass.bytes.saturating_add(count);
        }
    }
}

/// The bytes of the source over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Traffic {
    /// The length of an interval in microseconds.
    pub interval_us: u64,
    /// The bytes of each interval, from the beginning of the recording.
    pub bytes: Vec<u64>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { interval_us: INTERVAL.as_micros().try_into().unwrap_or(1), bytes: Vec::new() }
    }
}

impl Traffic {
    pub(super) fn add(&mut self, now: u64, count: u64) {
        while now / self.interval_us >= MAX_INTERVALS as u64 {
            self.interval_us = self.interval_us.saturating_mul(2);
            self.bytes = self
                .bytes
                .chunks(2)
                .map(|pair| pair.iter().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes)))
                .collect();
        }
        let index = usize::try_from(now / self.interval_us).unwrap_or(0);
        if self.bytes.len() <= index {
            self.bytes.resize(index + 1, 0);
        }
        if let Some(bytes) = self.bytes.get_mut(index) {
            *bytes = bytes.saturating_add(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_addresses_begin_a_pass() {
        let (mut passes, mut scan, mut data) = (Passes::default(), Scan::default(), Scan::default());
        for (now, position) in [(0, (0, 0)), (1, (0, 8192)), (2, (1, 0)), (3, (0, 4096)), (4, (0, 4096))] {
            passes.count(&mut scan, Some(position), (PageKind::Content, 1), now);
            passes.add_bytes(10);
        }
        // Another connection is still in the first pass.
        passes.count(&mut data, Some((0, 0)), (PageKind::Zero, 3), 5);
        let [first, second] = passes.list.as_slice() else { panic!("{:?}", passes.list) };
        assert_eq!((first.pages.content, first.pages.zero, first.bytes, first.end_us), (3, 3, 30, 5));
        assert_eq!((second.pages.total(), second.bytes, second.begin_us, second.end_us), (2, 20, 3, 4));
        assert_eq!(passes.total.total(), 8);
    }

    #[test]
    fn number_of_passes_is_limited() {
        let (mut passes, mut scan) = (Passes::default(), Scan::default());
        for now in 0..3 * MAX_PASSES as u64 {
            passes.count(&mut scan, Some((0, (now + 1) % 2)), (PageKind::Content, 1), now);
        }
        assert_eq!(passes.list.len(), MAX_PASSES);
        assert_eq!(passes.total.content, 3 * MAX_PASSES as u64);
    }

    #[test]
    fn intervals_become_longer() {
        let mut traffic = Traffic::default();
        for now in [0, 9_999, 10_000, 2_559_999] {
            traffic.add(now, 1);
        }
        assert_eq!((traffic.interval_us, traffic.bytes.len()), (10_000, 256));
        assert_eq!(traffic.bytes[..2], [2, 1]);
        traffic.add(2_560_000, 5);
        assert_eq!((traffic.interval_us, traffic.bytes.len()), (20_000, 129));
        assert_eq!((traffic.bytes[0], traffic.bytes[127], traffic.bytes[128]), (3, 1, 5));
        traffic.add(u64::MAX, 1);
        assert!(traffic.bytes.len() <= MAX_INTERVALS);
        assert_eq!(traffic.bytes.iter().sum::<u64>(), 10);
    }
}
