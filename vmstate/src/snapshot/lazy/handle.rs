//! A guest whose pages are read while it runs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use super::log::RestoreLog;
use super::restore::{OnFailure, Phase, Shared};
use crate::memory::{DirtyLog, MissingFaults, MissingPages, WriteProtect, discard};
use crate::snapshot::{StoreError, StoreErrorKind};

/// A guest whose pages are read while it runs.
///
/// Dropping this continues the restore in the background; [`cancel`](Self::cancel) ends it.
pub struct LazyRestore {
    shared: Arc<Shared>,
    log: Option<Arc<WriteProtect>>,
    /// Missing if the memory is mapped from the file.
    placing: Option<Placing>,
}

/// The pages that are placed while the guest runs, and the thread that places them.
struct Placing {
    pages: MissingPages,
    thread: JoinHandle<()>,
}

/// The numbers of a [`LazyRestore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LazyStatistics {
    /// The accesses that had to wait for a page.
    pub faults: u64,
    /// The host pages that were placed because an earlier restore has recorded them.
    pub prefetched: u64,
    /// The host pages that were placed so far.
    pub placed: u64,
}

impl LazyRestore {
    /// Starts a restore that was prepared: discards the content of the memory.
    pub(super) fn start(
        shared: Arc<Shared>,
        missing: MissingFaults,
        log: Option<RestoreLog>,
        on_failure: OnFailure,
    ) -> Result<Self, StoreError> {
        shared.set_on_failure(on_failure);
        let (runner, pages) = (shared.clone(), missing.pages().clone());
        let (log, kept) = log.map(|RestoreLog { log, faults }| (log, faults)).unzip();
        // Before the memory changes, because the thread may not start.
        let thread = thread::Builder::new().name("lazy restore".to_owned()).spawn(move || runner.run(missing, kept));
        let thread = thread.map_err(no_thread)?;
        for block in shared.engine.blocks() {
            discard(&block, &(0..block.size())).map_err(|error| {
                shared.set(Phase::Cancelled);
                let message = format!("cannot discard the memory to restore: {error}");
                StoreError::new(StoreErrorKind::Load, message)
            })?;
        }
        shared.set(Phase::Running);
        Ok(Self { shared, log, placing: Some(Placing { pages, thread }) })
    }

    /// Creates a restore whose memory is mapped from the file: all pages are present.
    pub(super) fn of_mapped(shared: Arc<Shared>, log: Option<Arc<WriteProtect>>) -> Self {
        shared.lock().prefetched = true;
        shared.set(Phase::Complete);
        Self { shared, log, placing: None }
    }

    /// Waits until all pages are present.
    ///
    /// # Errors
    /// Returns the error of a failure, which the callback of [`LazyRam::start`](super::LazyRam::start) has got, too, or an
    /// error if pages are only read [on demand](super::LazyRam::on_demand).
    pub fn wait(&self) -> Result<(), StoreError> {
        if !self.shared.background {
            return Err(StoreError::new(
                StoreErrorKind::Unsupported,
                "pages are only read on demand, so some stay missing",
            ));
        }
        self.shared.wait(|state| match &state.phase {
            Phase::Complete => Some(Ok(())),
            other => other.failure().map(Err),
        })
    }

    /// Waits until the pages are present that an earlier restore has recorded. A guest that is started then waits for fewer
    /// pages; otherwise they are read at the same time as it runs.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub fn wait_for_working_set(&self) -> Result<(), StoreError> {
        self.shared.wait(|state| if state.prefetched { Some(Ok(())) } else { state.phase.failure().map(Err) })
    }

    /// Returns the log of a [logged](super::LazyRam::logged) restore, which is running since the start. Its blocks have the order of
    /// the blocks of the [`LazyRam`](super::LazyRam).
    ///
    /// Once the restore is complete, it can be stopped and started again. It fails after [`cancel`](Self::cancel).
    #[must_use]
    pub fn dirty_log(&self) -> Option<Arc<WriteProtect>> {
        self.log.clone()
    }

    /// Returns whether all pages are present.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.shared.lock().phase == Phase::Complete
    }

    /// Returns the numbers of faults and of pages so far.
    #[must_use]
    pub fn statistics(&self) -> LazyStatistics {
        let engine = &self.shared.engine;
        LazyStatistics {
            faults: engine.faults.load(Ordering::Relaxed),
            prefetched: engine.prefetched.load(Ordering::Relaxed),
            placed: engine.placed(),
        }
    }

    /// Continues after a failure, for example after a lost file system was mounted again. Threads of the guest that wait for a
    /// page access it again.
    pub fn retry(&self) {
        let Some(placing) = &self.placing else { return };
        {
            let mut state = self.shared.lock();
            match state.phase {
                Phase::Failed(..) => state.phase = Phase::Running,
                // The log keeps faults, and a page of zeros can lack memory.
                Phase::Complete if self.log.is_some() => {}
                _ => return,
            }
            self.shared.changed.notify_all();
        }
        // Here and not on the thread, which may not have seen the failure. Faults are handled from now on.
        if let Err(error) = self.shared.engine.wake(&placing.pages) {
            self.shared.fail(&error);
        }
    }

    /// Records the pages that the guest has waited for so far next to the snapshot: the next restore reads them first. This
    /// happens automatically when all pages are present.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written, the snapshot was deleted, or the memory is
    /// [mapped](super::LazyRam::mapped), so that no page is waited for.
    pub fn record_working_set(&self) -> Result<(), StoreError> {
        if self.placing.is_none() {
            let message = "the pages that a guest accesses are unknown if its memory is mapped from the file";
            return Err(StoreError::new(StoreErrorKind::Unsupported, message));
        }
        self.shared.engine.record()
    }

    /// Ends the restore. End the guest first: pages that are still missing become zero.
    pub fn cancel(self) {
        // It can have kept the faults of a complete restore, which are not resolved anymore.
        if let Some(log) = &self.log {
            let _ = log.stop();
        }
        self.shared.set(Phase::Cancelled);
        // A panic of the thread was reported, and has woken the guest.
        self.placing.map(|placing| placing.thread.join());
    }
}

fn no_thread(error: io::Error) -> StoreError {
    StoreError::new(StoreErrorKind::Load, "cannot start a thread; raise the limit of threads").with_source(error)
}

impl std::fmt::Debug for LazyRestore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LazyRestore").field("phase", &self.shared.lock().phase).finish_non_exhaustive()
    }
}
