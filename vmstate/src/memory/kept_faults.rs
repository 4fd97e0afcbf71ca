//! Missing pages that have the registration of a log of writes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::MissingFaults;

/// Missing pages whose faults are handled until a log of writes has ended, too: both have the same registration.
#[derive(Default)]
pub(crate) struct KeptFaults(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Present as soon as all pages are placed, unless the log has ended before.
    faults: Option<MissingFaults>,
    is_released: bool,
}

impl KeptFaults {
    /// Keeps the faults of pages that were placed until [`release`](Self::release).
    pub(crate) fn keep(&self, faults: MissingFaults) {
        let mut kept = self.lock();
        if !kept.is_released {
            kept.faults = Some(faults);
        }
    }

    /// Deregisters the memory, or has it deregistered as soon as all pages are placed.
    pub(crate) fn release(&self) {
        let mut kept = self.lock();
        kept.is_released = true;
        let faults = kept.faults.take();
        // It waits for a thread, so not under the lock.
        drop(kept);
        drop(faults);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for KeptFaults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptFaults").finish_non_exhaustive()
    }
}
