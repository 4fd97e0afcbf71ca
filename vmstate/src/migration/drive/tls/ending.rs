//! The ends of encrypted connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The reason why an encrypted connection has ended, which the local socket cannot transport.
#[derive(Debug, Clone, Default)]
pub(in crate::migration::drive) struct Ending(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    failure: Option<String>,
    is_truncated: bool,
}

impl Ending {
    fn lock(&self) -> MutexGuard<'_, State> {
        // All changes are single assignments.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fail(&self, reason: String) {
        self.lock().failure.get_or_insert(reason);
    }

    /// Notes that the peer has closed the connection without the end of TLS.
    pub(super) fn truncate(&self) {
        self.lock().is_truncated = true;
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    /// Returns the reason of an end that is not an orderly one.
    pub(in crate::migration::drive) fn reason(&self) -> Option<String> {
        let state = self.lock();
        match (&state.failure, state.is_truncated) {
            (Some(failure), _) => Some(format!("TLS: {failure}")),
            // A QEMU that rejects this side's certificate sends no alert.
            (None, true) => {
                Some("TLS: the connection is truncated; the peer may have rejected the certificate".to_owned())
            }
            (None, false) => None,
        }
    }
}
