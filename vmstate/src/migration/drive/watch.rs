//! The view of other threads on a migration: its statistics and its connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::socket::Socket;
use crate::migration::status::Statistics;

/// The state that the thread of a migration shares with others.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    statistics: Statistics,
    /// The sockets that the migration writes.
    sockets: Vec<Socket>,
    /// Set while the migration writes, and the connection may be broken for a cancellation.
    writes: bool,
    /// Set while the migration has not read a cancellation.
    cancels: bool,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        // All changes are single assignments.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish(&self, statistics: Statistics) {
        self.lock().statistics = statistics;
    }

    pub(super) fn statistics(&self) -> Statistics {
        self.lock().statistics.clone()
    }

    /// Sets the sockets of the connection. After its end, the iterator is empty.
    pub(super) fn connected<'s>(&self, sockets: impl Iterator<Item = &'s Socket>) {
        self.lock().sockets = sockets.filter_map(|socket| socket.try_clone().ok()).collect();
    }

    pub(super) fn writes(&self, writes: bool) {
        self.lock().writes = writes;
    }

    /// Breaks the connection.
    pub(super) fn disconnect(&self) {
        self.lock().sockets.iter().for_each(Socket::shut_down);
    }

    /// Breaks the connection if the migration still writes after `patience`, and has not read the cancellation.
    ///
    /// A destination that does not read blocks the write. QEMU breaks the connection at once (`migration_cancel` in
    /// `migration/migration.c`); with the delay, the destination learns the reason.
    pub(super) fn cancel_after(&self, patience: Duration) {
        self.lock().cancels = true;
        let watch = self.clone();
        thread::spawn(move || {
            thread::sleep(patience);
            let shared = watch.lock();
            if shared.cancels && shared.writes {
                shared.sockets.iter().for_each(Socket::shut_down);
            }
        });
    }

    /// Records that the migration has read the cancellation.
    pub(super) fn cancel_arrived(&self) {
        self.lock().cancels = false;
    }
}
