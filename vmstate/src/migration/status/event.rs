//! The events of a migration.

use std::fmt;
use std::time::Duration;

use super::MigrationStatus;

/// An event of a migration, in the order in which QEMU emits them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The state has changed (MIGRATION).
    Status(MigrationStatus),
    /// The dirty log was synchronized, which begins this pass (MIGRATION_PASS).
    Pass {
        /// The number of the pass, from 1.
        number: u64,
        /// The bytes of memory to send in this pass.
        remaining: u64,
        /// The expected downtime if the guest were stopped now.
        expected: Prediction,
    },
    /// The guest was stopped (STOP).
    Stopped,
    /// The guest continues on this side (RESUME).
    Resumed,
    /// The throttle has changed: the percentage of time for which the guest's vCPUs sleep.
    Throttled(u8),
    /// Each vCPU is limited to this number of bytes of newly written pages per second.
    WritesLimited(u64),
    /// The passes do not get smaller: the downtime limit is out of reach, unless the guest writes less or is throttled.
    Stalled {
        /// The expected downtime if the guest were stopped now.
        expected: Prediction,
    },
    /// The peer uses this library, too, so the switchover is a handshake.
    OwnPeer,
    /// The downtime was at least 10 % above the limit.
    LimitExceeded {
        /// The downtime.
        downtime: Duration,
        /// The limit.
        limit: Duration,
    },
    /// A connection was rejected with this reason before the migration began: its TLS handshake has failed, such as over its
    /// certificate. The destination waits for another one.
    Rejected(String),
    /// The peer reports that it runs the guest, too. An operator has to end one of them.
    Conflict,
    /// The migration has ended: the reason, if it failed or was cancelled.
    Ended {
        /// The final state.
        status: MigrationStatus,
        /// The reason of a failure.
        reason: Option<String>,
    },
}

/// A predicted downtime, with its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Prediction {
    /// The time to send the remaining memory.
    pub memory: Duration,
    /// The time to save, send and load the devices.
    pub devices: Duration,
    /// The round trips of the handshake.
    pub handshake: Duration,
}

impl Prediction {
    /// Creates a prediction from its parts.
    #[must_use]
    pub fn new(memory: Duration, devices: Duration, handshake: Duration) -> Self {
        Self { memory, devices, handshake }
    }

    /// Returns the sum of the parts.
    #[must_use]
    pub fn total(self) -> Duration {
        self.memory.saturating_add(self.devices).saturating_add(self.handshake)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            // Nothing was sent yet, so the bandwidth is unknown.
            Self::Pass { number, remaining, expected } if expected.memory == Duration::MAX => {
                write!(f, "pass {number}: {} left", Size(*remaining))
            }
            Self::Pass { number, remaining, expected } => {
                let (left, expected) = (Size(*remaining), Millis(expected.total()));
                write!(f, "pass {number}: {left} left, downtime of {expected} expected")
            }
            Self::Stopped => f.write_str("guest stopped"),
            Self::Resumed => f.write_str("guest continues"),
            Self::Throttled(percent) => write!(f, "guest throttled by {percent} %"),
            Self::WritesLimited(rate) => write!(f, "vCPUs limited to writes of {} per second", Size(*rate)),
            Self::Stalled { expected } => write!(f, "stalled: downtime of {} expected", Millis(expected.total())),
            Self::OwnPeer => f.write_str("handshake at the switchover"),
            Self::LimitExceeded { downtime, limit } => {
                write!(f, "downtime of {} exceeds the limit of {}", Millis(*downtime), Millis(*limit))
            }
            Self::Rejected(reason) => write!(f, "connection rejected: {reason}"),
            Self::Conflict => f.write_str("the guest runs on both sides; quit one of them"),
            Self::Ended { status, reason: None } => write!(f, "{status}"),
            Self::Ended { status, reason: Some(reason) } => write!(f, "{status}: {reason}"),
        }
    }
}

/// A duration in milliseconds.
struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_secs_f64() * 1000.0;
        if millis < 10.0 { write!(f, "{millis:.1} ms") } else { write!(f, "{millis:.0} ms") }
    }
}

/// A number of bytes in a binary unit.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ 0..0x400 => write!(f, "{bytes} B"),
            bytes @ 0x400..0x10_0000 => write!(f, "{} KiB", bytes >> 10),
            bytes => write!(f, "{} MiB", bytes >> 20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_one_line() {
        let expected = Prediction::new(Duration::from_millis(36), Duration::from_millis(3), Duration::from_millis(1));
        let pass = Event::Pass { number: 2, remaining: 12 << 20, expected };
        assert_eq!(pass.to_string(), "pass 2: 12 MiB left, downtime of 40 ms expected");
        let ended = Event::Ended { status: MigrationStatus::Failed, reason: Some("connection lost".into()) };
        assert_eq!(ended.to_string(), "failed: connection lost");
    }
}
