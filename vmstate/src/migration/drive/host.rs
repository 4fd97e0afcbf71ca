//! The program that runs the guest.

#[cfg(feature = "snapshot")]
mod snapshot;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::machine::{LoadReport, Machine, SaveOptions};
use crate::memory::{DirtyLog, PageSize, RamBlock};
use crate::migration::announce::Announcement;
use crate::migration::parameter::Mode;
use crate::migration::policy::DirtyLimit;
use crate::migration::status::DirtyLimitStatistics;
use crate::ram::AnnouncedMemory;
#[cfg(feature = "snapshot")]
use crate::snapshot::{Details, SnapshotInfo, Store, StoreError};
use crate::stream::Configuration;

/// The error of a host, which ends the migration.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;

/// A program that runs a guest: the only trait that it implements for migrations.
///
/// The memory is shared, so that it is sent while the guest runs. The devices are used only while the guest is stopped, so
/// the machine can borrow them.
pub trait Host {
    /// Returns the machine type, and everything else that both sides must have in common.
    fn configuration(&self) -> Configuration;

    /// Returns the UUID of the virtual machine, which data channels (`multifd`) compare. By default, the one of the
    /// [configuration](Self::configuration), or zeros.
    fn uuid(&self) -> [u8; 16] {
        self.configuration().uuid.unwrap_or_default()
    }

    /// Returns the guest's memory.
    fn memory(&self) -> HostMemory;

    /// Calls `use_machine` with a machine of all devices, without the memory. The guest is stopped.
    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>));

    /// Returns how the machine is saved, such as the versions of sections that an older destination reads.
    fn save_options(&self) -> SaveOptions {
        SaveOptions::new()
    }

    /// Accepts the machine that was loaded, before it runs: updates everything that depends on its state.
    ///
    /// # Errors
    /// Returns an error if the guest cannot run on this host. Its source keeps it then.
    fn loaded(&mut self, report: &LoadReport) -> Result<(), HostError> {
        let _ = report;
        Ok(())
    }

    /// Returns whether the guest runs.
    fn is_running(&self) -> bool;

    /// Returns whether the guest is stopped at this moment, although [`is_running`](Self::is_running) may return `true`
    /// because a command can continue it. The statistics `precopy-bytes` and `downtime-bytes` depend on it.
    fn is_stopped_now(&self) -> bool {
        !self.is_running()
    }

    /// Stops the guest. Afterwards no vCPU runs, and no device writes memory.
    ///
    /// # Errors
    /// Returns an error if the guest cannot be stopped. It counts as stopped, so [`resume`](Self::resume) follows.
    fn stop(&mut self) -> Result<(), HostError>;

    /// Stops the guest because a user has paused it. A state that is saved afterwards contains that, so the guest does not
    /// run on the destination, either. By default, [`stop`](Self::stop).
    ///
    /// # Errors
    /// Returns an error if the guest cannot be stopped. It runs on then.
    fn pause(&mut self) -> Result<(), HostError> {
        self.stop()
    }

    /// Resumes the guest after a migration that has not moved it, or because a user continues it.
    ///
    /// # Errors
    /// Returns an error if the guest cannot run.
    fn resume(&mut self) -> Result<(), HostError>;

    /// Starts the guest after its state was loaded, unless the state contains that it was stopped on the source. By
    /// default, [`resume`](Self::resume).
    ///
    /// # Errors
    /// Returns an error if the guest cannot run.
    fn start(&mut self) -> Result<(), HostError> {
        self.resume()
    }

    /// Returns whether the guest has never run, also on the source that it has come from. Monitors report `prelaunch` then, and
    /// otherwise `paused` for a guest that does not run after its arrival.
    fn is_prelaunch(&self) -> bool {
        false
    }

    /// Makes the guest's vCPUs sleep for this percentage of their time; 0 ends it. The default does nothing, so that
    /// `auto-converge` has no effect.
    fn throttle(&mut self, percent: u8) {
        let _ = percent;
    }

    /// Returns the limiter of the rate at which vCPUs write memory. By default, `None`, and the capability `dirty-limit`
    /// is rejected.
    fn dirty_limiter(&self) -> Option<Arc<dyn DirtyLimiter>> {
        None
    }

    /// Returns the reasons why the guest cannot be migrated in this mode now, such as the reasons in
    /// [`Blockers`](crate::migration::Blockers).
    fn blockers(&self, mode: Mode) -> Vec<String> {
        let _ = mode;
        Vec::new()
    }

    /// Returns the time to save, send and load the devices, if the program has measured it, for example while the guest
    /// was stopped. The prediction of the downtime contains it.
    fn device_time(&self) -> Option<Duration> {
        None
    }

    /// Returns the time of the guest since its start, which snapshots contain. The guest is stopped.
    fn guest_clock(&self) -> Duration {
        Duration::ZERO
    }

    /// Saves the stopped guest as a snapshot, and returns it. By default, saves the [memory](Self::memory) and the
    /// [machine](Self::with_machine).
    ///
    /// # Errors
    /// Returns an error if the store rejects the snapshot or cannot be written.
    #[cfg(feature = "snapshot")]
    fn save_snapshot(&mut self, store: &dyn Store, details: Details) -> Result<SnapshotInfo, StoreError> {
        snapshot::save(self, store, details)
    }

    /// Loads the snapshot with this name or id into the stopped guest, and returns it. By default, loads the
    /// [memory](Self::memory) and the [machine](Self::with_machine), and calls [`loaded`](Self::loaded).
    ///
    /// # Errors
    /// Returns an error if the snapshot does not exist or is not of this machine. The guest is then unchanged, unless the
    /// error is [`NotRunnable`](crate::snapshot::StoreErrorKind::NotRunnable): the snapshot has replaced the guest, but cannot run.
    #[cfg(feature = "snapshot")]
    fn load_snapshot(&mut self, store: &dyn Store, key: &str) -> Result<SnapshotInfo, StoreError> {
        snapshot::load(self, store, key)
    }

    /// Continues from the newest of the earlier states that the program keeps, such as in a
    /// [`Rewind`](crate::rewind::Rewind), and returns the number of the others. The guest runs or stays stopped as before. Changed
    /// pages must be in the log of the [memory](Self::memory). The default keeps no states.
    ///
    /// # Errors
    /// Returns an error if no state is left. The guest is then unchanged.
    fn rewind(&mut self) -> Result<u64, HostError> {
        Err("the program keeps no earlier states".into())
    }

    /// Returns the system's numbers (`gettid`) of the threads that run the vCPUs, once the guest was started. The statistics of
    /// postcopy (`postcopy-blocktime`) list them; by default, all waits count as waits of other threads.
    fn vcpu_threads(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Announces the guest's network cards, after it was started on this side. Later announcements follow with the
    /// [delays](Announcement::delays) of the schedule, so this method should only begin them. The default does nothing.
    fn announce(&mut self, announcement: &Announcement) {
        let _ = announcement;
    }
}

/// Limits the rate at which the vCPUs of a guest write memory.
pub trait DirtyLimiter: fmt::Debug + Send + Sync {
    /// Limits each vCPU, or replaces the limit; `None` ends it. A limited vCPU that has written too many pages in a period
    /// waits, but the guest can be stopped meanwhile.
    fn limit(&self, limit: Option<DirtyLimit>);

    /// Returns the effect of the limit.
    fn statistics(&self) -> DirtyLimitStatistics;
}

/// The memory of a guest.
#[derive(Clone)]
pub struct HostMemory {
    /// The target page size.
    pub page_size: PageSize,
    /// The blocks, in the order in which they are sent.
    pub blocks: Vec<Arc<dyn RamBlock + Send + Sync>>,
    /// The log of the pages that the guest writes. Without one, only a stopped guest can be migrated.
    pub log: Option<Arc<dyn DirtyLog>>,
    /// Set if the blocks are created when the stream lists them.
    pub(super) announced: Option<Arc<AnnouncedMemory>>,
}

impl HostMemory {
    /// Creates the memory of `blocks`, with a log of written pages.
    #[must_use]
    pub fn new(
        page_size: PageSize,
        blocks: Vec<Arc<dyn RamBlock + Send + Sync>>,
        log: Option<Arc<dyn DirtyLog>>,
    ) -> Self {
        Self { page_size, blocks, log, announced: None }
    }

    /// Creates memory whose blocks the stream of a source lists.
    pub(super) fn announced(memory: Arc<AnnouncedMemory>) -> Self {
        let (page_size, blocks) = (memory.channel_page_size(), Vec::new());
        Self { page_size, blocks, log: None, announced: Some(memory) }
    }

    /// Returns the size of all blocks in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.blocks.iter().map(RamBlock::size).sum()
    }
}

impl fmt::Debug for HostMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.blocks.iter().map(RamBlock::idstr).collect();
        f.debug_struct("HostMemory").field("page_size", &self.page_size).field("blocks", &names).finish_non_exhaustive()
    }
}
