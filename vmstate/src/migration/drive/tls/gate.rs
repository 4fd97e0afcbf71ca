//! The handshakes of a listener, which strangers can begin and never complete.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::security::Server;
use super::tunnel::Tunnel;

/// The most handshakes at the same time. More connections wait for their ends.
const HANDSHAKES: usize = 16;
/// The most rejections that are kept until they are reported.
const REJECTIONS: usize = 64;
/// The time for handshakes that may be complete on the side of the source.
const PATIENCE: Duration = Duration::from_secs(1);

/// Threads that complete handshakes, so that a client that sends nothing does not delay another one.
#[derive(Debug)]
pub(in crate::migration::drive) struct Gate {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The number of connections that have not begun a stream.
    pending: usize,
    ready: VecDeque<(Tunnel, OwnedFd)>,
    rejections: VecDeque<String>,
    is_closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is complete after each change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reject(&mut self, reason: String) {
        if self.rejections.len() < REJECTIONS {
            self.rejections.push_back(reason);
        }
    }
}

/// Ends a handshake, also if its thread panics.
struct Pending(Arc<Shared>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.lock().pending -= 1;
        self.0.changed.notify_all();
    }
}

impl Gate {
    pub(in crate::migration::drive) fn new(server: &Server) -> Self {
        Self { server: server.clone(), shared: Arc::default() }
    }

    /// Returns whether no connection can be admitted.
    pub(in crate::migration::drive) fn is_full(&self) -> bool {
        self.shared.lock().pending >= HANDSHAKES
    }

    /// Returns whether a handshake is in progress.
    pub(in crate::migration::drive) fn is_busy(&self) -> bool {
        self.shared.lock().pending > 0
    }

    /// Begins the handshake of an accepted socket.
    pub(in crate::migration::drive) fn admit(&self, socket: OwnedFd) {
        self.shared.lock().pending += 1;
        let (server, pending) = (self.server.clone(), Pending(Arc::clone(&self.shared)));
        let spawned = thread::Builder::new().name("vmstate-tls".to_owned()).spawn(move || {
            let secured = server
                .secure(socket)
                .and_then(|(tunnel, socket)| server.await_begin(&tunnel, &socket).map(|()| (tunnel, socket)));
            let mut state = pending.0.lock();
            match secured {
                Ok(_) if state.is_closed => {}
                Ok(tunnel) => state.ready.push_back(tunnel),
                Err(error) => state.reject(error.to_string()),
            }
        });
        if let Err(error) = spawned {
            self.shared.lock().reject(error.to_string());
        }
    }

    /// Returns the next connection that has begun a stream, and the socket for the migration.
    pub(in crate::migration::drive) fn take(&self) -> Option<(Tunnel, OwnedFd)> {
        self.shared.lock().ready.pop_front()
    }

    pub(in crate::migration::drive) fn has_rejections(&self) -> bool {
        !self.shared.lock().rejections.is_empty()
    }

    /// Returns the reasons of the connections that were rejected since the last call.
    pub(in crate::migration::drive) fn take_rejections(&self) -> Vec<String> {
        self.shared.lock().rejections.drain(..).collect()
    }

    /// Returns whether a connection that has begun a stream waits to be accepted.
    ///
    /// A source sends nothing over its channels before all of their handshakes are complete on its side, so the ends of
    /// these handshakes have arrived when the stream has ended. Only strangers are waited for in vain.
    pub(in crate::migration::drive) fn has_waiting(&self) -> bool {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, PATIENCE, |state| state.pending > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.ready.is_empty()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        let ready = std::mem::take(&mut state.ready);
        drop(state);
        // They may wait for their ends.
        drop(ready);
    }
}
