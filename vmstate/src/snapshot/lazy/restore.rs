//! A restore while the guest runs: its thread, its state and its end.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::engine::Engine;
use super::log::RestoreLog;
use crate::memory::{DirtyLog, Fault, KeptFaults, MissingFaults, MissingPages, WriteProtect, discard};
use crate::snapshot::{StoreError, StoreErrorKind};

/// A guest whose pages are read while it runs.
///
/// Dropping this continues the restore in the background; [`cancel`](Self::cancel) ends it.
pub struct LazyRestore {
    shared: Arc<Shared>,
    pages: MissingPages,
    log: Option<Arc<WriteProtect>>,
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

/// The callback of a failure.
pub(super) type OnFailure = Box<dyn FnMut(&StoreError) + Send>;

/// The state that the threads share.
pub(super) struct Shared {
    engine: Engine,
    /// Set if all pages are read, and not only the accessed ones.
    background: bool,
    state: Mutex<State>,
    changed: Condvar,
    on_failure: Mutex<OnFailure>,
}

struct State {
    phase: Phase,
    /// Set as soon as the recorded working set was placed.
    prefetched: bool,
    /// The number of threads that read the file.
    readers: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// The memory has its previous content.
    Prepared,
    Running,
    /// A thread has failed, and others may still read the file.
    Failing,
    Failed(StoreErrorKind, String),
    /// All pages are present, and accesses do not fault anymore.
    Complete,
    Cancelled,
}

/// The longest time for which a failure is held back until all reads have ended. A read can take longer if the file is not
/// on this host.
const END_OF_READS: Duration = Duration::from_secs(20);

/// A thread that reads the file.
struct Reading<'s>(&'s Shared);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.lock().readers -= 1;
        self.0.changed.notify_all();
    }
}

impl Shared {
    pub(super) fn new(engine: Engine, background: bool) -> Self {
        let state = Mutex::new(State { phase: Phase::Prepared, prefetched: false, readers: 0 });
        Self { engine, background, state, changed: Condvar::new(), on_failure: Mutex::new(Box::new(|_| ())) }
    }

    /// Resolves faults. After a failure, threads wait for a retry: they must not see zeros.
    pub(super) fn faults(&self, pages: &MissingPages, faults: &[Fault], buffer: &mut Vec<u8>) {
        for fault in faults {
            let Some(reading) = self.reading() else {
                self.fault_when_complete(pages, fault);
                continue;
            };
            let resolved = caught(|| self.engine.fault(pages, fault, buffer));
            drop(reading);
            if let Err(error) = resolved {
                self.fail(&error);
            }
        }
    }

    /// Resolves a fault of a page that was not in the file, or that the guest has discarded. A log keeps such faults.
    fn fault_when_complete(&self, pages: &MissingPages, fault: &Fault) {
        if self.lock().phase == Phase::Complete
            && let Err(error) = self.engine.place_zeros(pages, fault)
        {
            self.report(&error);
        }
    }

    /// Begins to read the file, unless the restore has failed or ended.
    fn reading(&self) -> Option<Reading<'_>> {
        let mut state = self.lock();
        (state.phase == Phase::Running).then(|| {
            state.readers += 1;
            Reading(self)
        })
    }

    /// Begins to read, or sets `skipped`. A retry can follow a failure at once: ranges that were skipped between must be placed
    /// again, so nothing is read once it is set.
    fn reading_unless(&self, skipped: &Cell<bool>) -> Option<Reading<'_>> {
        let reading = if skipped.get() { None } else { self.reading() };
        skipped.set(reading.is_none());
        reading
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // All changes are complete when a callback panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, phase: Phase) {
        self.lock().phase = phase;
        self.changed.notify_all();
    }

    /// Waits until `done` returns a result.
    fn wait<R>(&self, done: impl Fn(&State) -> Option<R>) -> R {
        let mut state = self.lock();
        loop {
            if let Some(result) = done(&state) {
                return result;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Reports the first failure since the start or a retry.
    fn fail(&self, error: &StoreError) {
        {
            let mut state = self.lock();
            if state.phase != Phase::Running {
                return;
            }
            state.phase = Phase::Failing;
            self.changed.notify_all();
            // The caller may repair the file as soon as it knows, and a file that grows again has zeros for a moment.
            let is_read = |state: &mut State| state.phase == Phase::Failing && state.readers > 0;
            let waited = self.changed.wait_timeout_while(state, END_OF_READS, is_read);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.phase != Phase::Failing {
                return;
            }
            state.phase = Phase::Failed(error.kind(), error.to_string());
            self.changed.notify_all();
        }
        self.report(error);
    }

    fn report(&self, error: &StoreError) {
        let mut report = self.on_failure.lock().unwrap_or_else(PoisonError::into_inner);
        // A panic of the callback has been reported, and must not end the thread.
        let _ = caught(|| {
            report(error);
            Ok(())
        });
    }

    /// The thread that reads pages in the background, and owns the handler of page faults.
    fn run(&self, missing: MissingFaults, kept: Option<Arc<KeptFaults>>) {
        loop {
            let phase = self.wait(|state| (state.phase != Phase::Prepared).then(|| state.phase.clone()));
            match phase {
                Phase::Running => match caught(|| self.place(missing.pages())) {
                    Ok(true) => {
                        self.record_new_faults();
                        self.end(missing, kept);
                        return;
                    }
                    Ok(false) => {}
                    Err(error) => self.fail(&error),
                },
                // Dropping wakes all threads of the guest, which the caller of `cancel` has ended.
                Phase::Cancelled | Phase::Complete => return,
                Phase::Failing | Phase::Failed(..) | Phase::Prepared => {
                    self.wait(|state| matches!(state.phase, Phase::Running | Phase::Cancelled).then_some(()));
                }
            }
        }
    }

    /// Pages that are still missing are zero.
    fn end(&self, missing: MissingFaults, kept: Option<Arc<KeptFaults>>) {
        let Some(kept) = kept else {
            drop(missing);
            return self.set(Phase::Complete);
        };
        let pages = missing.pages().clone();
        // Or they are dropped here, if the log was stopped. It can be started again as soon as the restore is complete.
        kept.keep(missing);
        self.set(Phase::Complete);
        // Threads that have waited since before the start access their pages again.
        if let Err(error) = self.engine.wake(&pages) {
            self.report(&error);
        }
    }

    fn record_new_faults(&self) {
        if self.engine.faults.load(Ordering::Relaxed) > 0 {
            // The next restore does without the set if it cannot be recorded.
            let _ = self.engine.record();
        }
    }

    /// Places pages until all are present, and returns `true`, or until the phase changes.
    fn place(&self, pages: &MissingPages) -> Result<bool, StoreError> {
        let skipped = Cell::new(false);
        let reading = || self.reading_unless(&skipped);
        self.engine.prefetch(pages, &reading)?;
        if skipped.get() {
            return Ok(false);
        }
        self.lock().prefetched = true;
        self.changed.notify_all();
        if !self.background {
            self.wait(|state| (state.phase != Phase::Running).then_some(()));
            return Ok(false);
        }
        self.engine.place_all(pages, &reading)?;
        Ok(!skipped.get())
    }
}

/// Turns a panic into an error: a thread that unwinds would wake the guest, which would see zeros.
fn caught<R>(place: impl FnOnce() -> Result<R, StoreError>) -> Result<R, StoreError> {
    let panicked = |_| Err(StoreError::new(StoreErrorKind::Load, "placing pages panicked; end the guest"));
    catch_unwind(AssertUnwindSafe(place)).unwrap_or_else(panicked)
}

/// Starts a restore that was prepared: discards the content of the memory.
pub(super) fn start(
    shared: Arc<Shared>,
    missing: MissingFaults,
    log: Option<RestoreLog>,
    on_failure: OnFailure,
) -> Result<LazyRestore, StoreError> {
    *shared.on_failure.lock().unwrap_or_else(PoisonError::into_inner) = on_failure;
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
    Ok(LazyRestore { shared, pages, log, thread })
}

fn no_thread(error: io::Error) -> StoreError {
    StoreError::new(StoreErrorKind::Load, "cannot start a thread; raise the limit of threads").with_source(error)
}

impl LazyRestore {
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
        if let Err(error) = self.shared.engine.wake(&self.pages) {
            self.shared.fail(&error);
        }
    }

    /// Records the pages that the guest has waited for so far next to the snapshot: the next restore reads them first. This
    /// happens automatically when all pages are present.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written, or the snapshot was deleted.
    pub fn record_working_set(&self) -> Result<(), StoreError> {
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
        let _ = self.thread.join();
    }
}

impl Phase {
    /// Returns the error of a phase in which no more pages are placed.
    fn failure(&self) -> Option<StoreError> {
        match self {
            Self::Failed(kind, message) => Some(StoreError::new(*kind, message.clone())),
            Self::Cancelled => Some(StoreError::new(StoreErrorKind::Load, "the restore was cancelled")),
            Self::Prepared | Self::Running | Self::Failing | Self::Complete => None,
        }
    }
}

impl std::fmt::Debug for LazyRestore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LazyRestore").field("phase", &self.shared.lock().phase).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
