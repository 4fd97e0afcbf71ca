//! A restore while the guest runs: its thread, its state and its end.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::engine::Engine;
use crate::memory::{Fault, KeptFaults, MissingFaults, MissingPages};
use crate::snapshot::{StoreError, StoreErrorKind};

/// The callback of a failure.
pub(super) type OnFailure = Box<dyn FnMut(&StoreError) + Send>;

/// The state that the threads share.
pub(super) struct Shared {
    pub(super) engine: Engine,
    /// Set if all pages are read, and not only the accessed ones.
    pub(super) background: bool,
    state: Mutex<State>,
    pub(super) changed: Condvar,
    on_failure: Mutex<OnFailure>,
}

pub(super) struct State {
    pub(super) phase: Phase,
    /// Set as soon as the recorded working set was placed.
    pub(super) prefetched: bool,
    /// The number of threads that read the file.
    readers: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
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

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // All changes are complete when a callback panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, phase: Phase) {
        self.lock().phase = phase;
        self.changed.notify_all();
    }

    pub(super) fn set_on_failure(&self, on_failure: OnFailure) {
        *self.on_failure.lock().unwrap_or_else(PoisonError::into_inner) = on_failure;
    }

    /// Waits until `done` returns a result.
    pub(super) fn wait<R>(&self, done: impl Fn(&State) -> Option<R>) -> R {
        let mut state = self.lock();
        loop {
            if let Some(result) = done(&state) {
                return result;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Reports the first failure since the start or a retry.
    pub(super) fn fail(&self, error: &StoreError) {
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
    pub(super) fn run(&self, missing: MissingFaults, kept: Option<Arc<KeptFaults>>) {
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

impl Phase {
    /// Returns the error of a phase in which no more pages are placed.
    pub(super) fn failure(&self) -> Option<StoreError> {
        match self {
            Self::Failed(kind, message) => Some(StoreError::new(*kind, message.clone())),
            Self::Cancelled => Some(StoreError::new(StoreErrorKind::Load, "the restore was cancelled")),
            Self::Prepared | Self::Running | Self::Failing | Self::Complete => None,
        }
    }
}

#[cfg(test)]
mod tests;
