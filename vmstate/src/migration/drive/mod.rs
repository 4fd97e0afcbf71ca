//! Drivers: connect the engines to sockets, files and programs, and to the [`Host`] that runs the guest.
//!
//! [`Outgoing`] and [`Incoming`] block the thread that calls them; only the return path and data channels have threads. A program with an
//! event loop drives the engines in [`source`](super::source) and [`destination`](super::destination) itself.

mod address;
mod announced;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod background;
#[cfg(not(all(target_os = "linux", feature = "mapping")))]
#[path = "no_background.rs"]
mod background;
mod channel;
mod descriptor;
#[cfg(target_os = "linux")]
mod handover;
#[cfg(not(target_os = "linux"))]
#[path = "no_handover.rs"]
mod handover;
mod host;
mod incoming;
mod listener;
mod multifd;
mod opaque;
mod outgoing;
#[cfg(not(all(target_os = "linux", feature = "mapping")))]
#[path = "no_postcopy.rs"]
mod postcopy;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod postcopy;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod preempt;
#[cfg(feature = "schema")]
mod record;
mod relay;
#[cfg(feature = "schema")]
mod relaying;
mod return_path;
mod saver;
mod saver_postcopy;
mod socket;
mod stopped;
#[cfg(test)]
pub(super) mod tests;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod transport;
mod watch;

#[cfg(feature = "control")]
pub(super) use self::background::probe as probe_background;
#[cfg(feature = "control")]
pub(super) use self::channel::check_output;
#[cfg(target_os = "linux")]
pub use self::handover::HandedOver;
pub use self::host::{DirtyLimiter, Host, HostError, HostMemory};
pub use self::incoming::{Incoming, IncomingControl};
pub use self::opaque::{GuestProgress, Kept, OpaqueGuest};
#[cfg(feature = "control")]
pub(super) use self::outgoing::random_session;
pub use self::outgoing::{Events, Outgoing, OutgoingControl};
#[cfg(feature = "schema")]
pub use self::record::Recording;
#[cfg(feature = "schema")]
pub use self::relaying::{RelayOutcome, RelayStatus, Relaying};
pub use self::stopped::StoppedGuest;

/// The error of a migration: it could not start, or has ended without success.
#[derive(Debug, thiserror::Error)]
#[error("{context}: {reason}")]
pub struct MigrationError {
    context: &'static str,
    reason: String,
}

impl MigrationError {
    pub(super) fn new(context: &'static str, reason: &impl ToString) -> Self {
        Self { context, reason: reason.to_string() }
    }

    /// Returns the reason, without the context.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
