//! The members of `query-migrate`.

use std::time::Duration;

use super::MigrationStatus;
use super::blocktime::Blocktime;
use super::event::Prediction;
use crate::migration::uri::Uri;

/// The statistics of a migration: the members of QEMU's `query-migrate`, and the parts of the downtime.
///
/// Members that QEMU omits in some states are `None` in them.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// The state (`status`).
    pub status: MigrationStatus,
    /// The time from the start to `active` (`setup-time`).
    pub setup_time: Option<Duration>,
    /// The time since the start, or of the whole migration (`total-time`).
    pub total_time: Option<Duration>,
    /// The expected downtime (`expected-downtime`), until the guest is stopped.
    pub expected_downtime: Option<Duration>,
    /// The time for which the guest was stopped (`downtime`), once the migration is completed, or the guest runs on the
    /// destination without all pages.
    pub downtime: Option<Duration>,
    /// The first error (`error-desc`).
    pub error: Option<String>,
    /// The throttle in percent (`cpu-throttle-percentage`), if the guest is throttled.
    pub throttle: Option<u8>,
    /// The effect of the limit of the vCPUs' writes, while they are limited.
    pub dirty_limit: Option<DirtyLimitStatistics>,
    /// The progress of guest memory (`ram`), at the source.
    pub ram: Option<RamStatistics>,
    /// The pages that were sent as changes (`xbzrle-cache`), at a source with the capability `xbzrle`.
    pub xbzrle: Option<XbzrleStatistics>,
    /// The prediction that was made when the guest was stopped.
    pub predicted: Option<Prediction>,
    /// The measured parts of the downtime.
    pub parts: Option<DowntimeParts>,
    /// The times for which the guest has waited for pages, at a destination with the capability `postcopy-blocktime`.
    pub blocktime: Option<Blocktime>,
    /// The address of the socket at which the destination listens (`socket-address`), until the migration has ended.
    pub socket_address: Option<Uri>,
}

/// The effect of a limit of the vCPUs' writes (capability `dirty-limit`).
///
/// Both are times of the slowest vCPU, for as many newly written pages as its dirty ring has entries. A host without such a
/// ring uses its usual size, [4096](Self::RING) pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DirtyLimitStatistics {
    /// The time for which the vCPU was stopped (`dirty-limit-throttle-time-per-round`).
    pub throttled: Duration,
    /// The time in which the vCPU has written the pages (`dirty-limit-ring-full-time`); zero if it writes none.
    pub ring_full: Duration,
}

impl DirtyLimitStatistics {
    /// The usual number of entries of a dirty ring.
    pub const RING: u64 = 4096;

    /// Creates the statistics of a vCPU that was stopped for `throttled` and wrote the pages in `ring_full`.
    #[must_use]
    pub fn new(throttled: Duration, ring_full: Duration) -> Self {
        Self { throttled, ring_full }
    }
}

/// The member `ram` of `query-migrate`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct RamStatistics {
    /// The size of all memory (`total`).
    pub total: u64,
    /// The bytes of memory that are left to send (`remaining`).
    pub remaining: u64,
    /// The bytes of the stream that were sent (`transferred`).
    pub transferred: u64,
    /// The pages that were sent with their content (`normal`, and `normal-bytes` in bytes).
    pub normal: u64,
    /// The zero pages that were sent (`duplicate`).
    pub duplicate: u64,
    /// The pages that the guest writes per second (`dirty-pages-rate`).
    pub dirty_pages_rate: u64,
    /// The bandwidth in megabits per second (`mbps`): of the last slice, or of the whole migration.
    pub mbps: f64,
    /// The number of synchronizations of the dirty log (`dirty-sync-count`).
    pub dirty_sync_count: u64,
    /// The page size (`page-size`).
    pub page_size: u64,
    /// The pages that were sent per second (`pages-per-second`), in the last slice.
    pub pages_per_second: u64,
    /// The bytes of memory that were sent while the guest ran (`precopy-bytes`).
    pub precopy_bytes: u64,
    /// The bytes of memory that were sent while the guest was stopped (`downtime-bytes`).
    pub downtime_bytes: u64,
    /// The bytes that were sent over data channels (`multifd-bytes`).
    pub multifd_bytes: u64,
    /// The bytes of memory that were sent while the guest ran on the destination (`postcopy-bytes`).
    pub postcopy_bytes: u64,
    /// The number of requests for pages (`postcopy-requests`).
    pub postcopy_requests: u64,
}

impl RamStatistics {
    /// Returns the size of the pages that were sent with their content (`normal-bytes`).
    #[must_use]
    pub fn normal_bytes(&self) -> u64 {
        self.normal.saturating_mul(self.page_size)
    }
}

/// The member `xbzrle-cache` of `query-migrate`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct XbzrleStatistics {
    /// The size of the cache (`cache-size`).
    pub cache_size: u64,
    /// The bytes of pages that the cache had (`bytes`).
    pub bytes: u64,
    /// The pages that the cache had (`pages`).
    pub pages: u64,
    /// The pages that the cache did not have (`cache-miss`).
    pub cache_miss: u64,
    /// The part of the pages of the last period that the cache did not have (`cache-miss-rate`).
    pub cache_miss_rate: f64,
    /// The size of the pages that the cache had, relative to the bytes that were sent for them, in the last period
    /// (`encoding-rate`).
    pub encoding_rate: f64,
    /// The pages whose changes were larger than the page (`overflow`).
    pub overflow: u64,
}

/// The parts of a measured downtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DowntimeParts {
    /// From the decision to the stopped guest.
    pub stop: Duration,
    /// Waiting for the command to continue (`pause-before-switchover`).
    pub pause: Duration,
    /// Sending the rest of the memory.
    pub memory: Duration,
    /// Saving and sending the devices.
    pub devices: Duration,
    /// From the last byte to the destination's answer: loading, and the handshake.
    pub handshake: Duration,
}

impl DowntimeParts {
    /// Returns the sum of the parts.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.stop + self.pause + self.memory + self.devices + self.handshake
    }
}
