//! The bytes and pages that a source has sent, and their rates.

use std::time::Duration;

use super::Done;
use super::xbzrle::PERIOD;
use crate::migration::status::RamStatistics;
use crate::section::SentPages;

#[derive(Debug, Default, Clone)]
pub(super) struct Traffic {
    transferred: u64,
    /// The bytes that were sent since the last synchronization.
    in_pass: u64,
    /// The bytes of memory that were sent, by phase.
    precopy: u64,
    downtime: u64,
    postcopy: u64,
    pages: SentPages,
    /// The bytes that data channels have sent.
    multifd: u64,
    /// The rates of the last slice and of the last period.
    mbps: f64,
    pages_per_second: u64,
    dirty_pages_per_second: u64,
    /// The pages that the guest has written since the end of the last period.
    dirty_pages: u64,
    /// The end of the last period.
    measured: Duration,
}

/// The phase of a migration to which the bytes of memory belong (`ram_transferred_add` in QEMU's `migration/ram.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transfer {
    /// The guest runs on the source.
    Precopy,
    /// The guest is stopped, also because it was stopped before the migration.
    Downtime,
    /// The guest runs on the destination.
    Postcopy,
}

impl Traffic {
    /// Counts the bytes of an action.
    pub(super) fn count(&mut self, done: Done) {
        self.transferred = self.transferred.saturating_add(done.bytes);
        self.in_pass = self.in_pass.saturating_add(done.bytes);
        self.pages = self.pages.max(done.pages);
        self.multifd = self.multifd.max(done.multifd);
    }

    /// Counts bytes of memory.
    pub(super) fn count_memory(&mut self, transfer: Transfer, bytes: u64) {
        let counter = match transfer {
            Transfer::Precopy => &mut self.precopy,
            Transfer::Downtime => &mut self.downtime,
            Transfer::Postcopy => &mut self.postcopy,
        };
        *counter = counter.saturating_add(bytes);
    }

    /// Returns the bytes that were sent since the last synchronization.
    pub(super) fn in_pass(&self) -> u64 {
        self.in_pass
    }

    /// Returns the number of pages that were sent, in any form.
    pub(super) fn pages(&self) -> u64 {
        self.pages.normal + self.pages.zero
    }

    /// Begins a pass at time `at`, after one in which the guest has written `dirty` pages. Their rate changes at the end of a
    /// period. (QEMU: `migration_update_rates` in `migration/ram.c`.)
    pub(super) fn begin_pass(&mut self, at: Duration, dirty: u64) {
        self.in_pass = 0;
        self.dirty_pages = self.dirty_pages.saturating_add(dirty);
        let period = at.saturating_sub(self.measured);
        if period >= PERIOD {
            self.dirty_pages_per_second = pages_per_second(self.dirty_pages, period);
            (self.dirty_pages, self.measured) = (0, at);
        }
    }

    /// Records the end of a slice, in which `bytes` were sent.
    pub(super) fn slice_ended(&mut self, bytes: u64, duration: Duration, page_size: u64) {
        self.mbps = megabits_per_second(bytes, duration);
        self.pages_per_second = pages_per_second(bytes / page_size.max(1), duration);
    }

    /// Returns the part of the statistics that this module knows. `whole` is the duration of a migration that has ended.
    pub(super) fn statistics(&self, whole: Option<Duration>) -> RamStatistics {
        RamStatistics {
            transferred: self.transferred,
            normal: self.pages.normal,
            duplicate: self.pages.zero,
            dirty_pages_rate: self.dirty_pages_per_second,
            mbps: whole.map_or(self.mbps, |duration| megabits_per_second(self.transferred, duration)),
            pages_per_second: self.pages_per_second,
            precopy_bytes: self.precopy,
            downtime_bytes: self.downtime,
            multifd_bytes: self.multifd,
            postcopy_bytes: self.postcopy,
            ..RamStatistics::default()
        }
    }
}

fn pages_per_second(pages: u64, duration: Duration) -> u64 {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1);
    pages.saturating_mul(1000) / millis
}

fn megabits_per_second(bytes: u64, duration: Duration) -> f64 {
    let seconds = duration.as_secs_f64();
    if seconds > 0.0 { bytes as f64 * 8.0 / seconds / 1e6 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::{Source, SourceAction, SourceConfig, SourceInput};
    use super::*;

    /// Returns the bytes that were sent in precopy and in the downtime, after one part of 100 bytes.
    fn sent(guest_runs: bool, done: Done) -> (u64, u64) {
        let mut config = SourceConfig::new(1 << 20, 1);
        (config.guest_runs, config.can_answer) = (guest_runs, false);
        let now = Instant::now();
        let mut source = Source::new(config, now).unwrap();
        loop {
            let action = source.poll_action(now).unwrap();
            let is_part = matches!(action, SourceAction::Iterate { .. });
            source.handle(now, SourceInput::Done(if is_part { done } else { Done::default() }));
            if is_part {
                let ram = source.statistics(now).ram.unwrap();
                return (ram.precopy_bytes, ram.downtime_bytes);
            }
        }
    }

    /// The guest writes 100 pages during each pass.
    #[test]
    fn dirty_rate_has_periods_of_a_second() {
        let mut config = SourceConfig::new(1 << 20, 1);
        (config.can_answer, config.parameters.downtime_limit) = (false, Duration::ZERO);
        let start = Instant::now();
        let (mut source, mut now) = (Source::new(config, start).unwrap(), start);
        let (mut written, mut since, mut expected) = (0, 0, 0);
        while now - start < Duration::from_secs(5) {
            let Some(action) = source.poll_action(now) else {
                now = source.poll_timeout().unwrap();
                source.handle(now, SourceInput::Timeout);
                continue;
            };
            now += Duration::from_millis(30);
            let done = match action {
                SourceAction::Iterate { .. } => Done::new(1 << 20, 0),
                SourceAction::Synchronize => Done::new(0, 100 * 4096),
                _ => Done::default(),
            };
            source.handle(now, SourceInput::Done(done));
            if action == SourceAction::Synchronize {
                let at = u64::try_from((now - start).as_millis()).unwrap();
                written += 100;
                if at - since >= 1000 {
                    (expected, written, since) = (written * 1000 / (at - since), 0, at);
                }
                assert_eq!(source.statistics(now).ram.unwrap().dirty_pages_rate, expected, "after {at} ms");
            }
        }
        assert!(expected > 0);
    }

    #[test]
    fn bytes_of_a_stopped_guest_are_downtime_bytes() {
        let part = Done::new(100, 4096);
        assert_eq!(sent(true, part), (100, 0));
        assert_eq!(sent(true, part.guest_stopped(true)), (0, 100), "a command has stopped it");
        assert_eq!(sent(false, part), (0, 100));
    }
}
