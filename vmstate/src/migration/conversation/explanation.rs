//! The explanation of a conversation.

use serde::{Serialize, Serializer};

use super::figures::{MemoryPass, PageCounts, Traffic};
use crate::migration::MigrationStatus;

/// The explanation of a conversation: its outcome, the knowledge of both sides, and figures.
///
/// Times are in microseconds since the recording began, and durations in microseconds.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The outcome.
    pub outcome: MigrationOutcome,
    /// Set if the destination has confirmed the outcome, which it cannot without a return path.
    pub confirmed: bool,
    /// The first event that led to an outcome other than success.
    pub cause: Option<Cause>,
    /// The next step of an operator, if one is necessary.
    pub advice: Option<String>,
    /// The source.
    pub source: SideReport,
    /// The destination.
    pub destination: SideReport,
    /// The machine type.
    pub machine: Option<String>,
    /// The time of day at which the recording began, in microseconds since 1970.
    pub started_unix_us: Option<u64>,
    /// The time of the last entry.
    pub duration_us: u64,
    /// The size of guest memory in bytes.
    pub memory: u64,
    /// The target page size in bytes.
    pub page_size: u64,
    /// All pages that were transferred while the guest ran at the source.
    pub pages: PageCounts,
    /// The passes over guest memory before the switchover.
    pub passes: Vec<MemoryPass>,
    /// The bytes that the source has sent over all connections.
    pub transferred: u64,
    /// The bytes of the source over time.
    pub traffic: Traffic,
    /// The time for which no guest ran, if the switchover began.
    pub downtime: Option<Downtime>,
    /// The figures of postcopy, if the guest was handed over before its memory.
    pub postcopy: Option<Postcopy>,
    /// The number of devices in the stream.
    pub devices: u64,
    /// The checkpoints that the destination has loaded (COLO).
    pub checkpoints: u64,
    /// The connections.
    pub connections: Vec<Connection>,
    /// The events, in their order.
    pub moments: Vec<Moment>,
    /// The number of later events, which are not listed.
    pub omitted_moments: u64,
}

/// The outcome of a recorded migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MigrationOutcome {
    /// The guest is at the destination.
    Completed,
    /// A side has rejected the migration, or a connection was lost. The guest stays at the source.
    Failed,
    /// The source has closed the connection before the end of its stream: by a command, or because its process has ended.
    Cancelled,
    /// A connection was lost in postcopy. Both sides wait for a recovery.
    Paused,
    /// The connection was lost after the source had sent the machine and before it got an answer.
    Doubt,
    /// The machine is replicated at checkpoints (COLO).
    Colo,
    /// The recording ends before the migration.
    Unfinished,
    /// The connections are encrypted, or carry another protocol.
    Unknown,
}

impl MigrationOutcome {
    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
            Self::Doubt => "doubt",
            Self::Colo => "colo",
            Self::Unfinished => "unfinished",
            Self::Unknown => "unknown",
        }
    }
}

/// The first event that led to an outcome other than success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cause {
    /// Its time.
    pub at_us: u64,
    /// The side from which it came.
    pub side: Participant,
    /// Its description.
    pub what: String,
}

/// A participant of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Participant {
    /// The source.
    Source,
    /// The destination.
    Destination,
    /// Neither side is known to be the origin.
    Recorder,
}

impl Participant {
    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Recorder => "recorder",
        }
    }
}

/// The states of a side, as far as its messages show them, and its knowledge.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct SideReport {
    /// The states with the times at which they became visible.
    pub states: Vec<StateChange>,
    /// The knowledge of the side about the outcome.
    pub knows: String,
}

/// A change of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StateChange {
    /// Its time.
    pub at_us: u64,
    /// The new state.
    #[serde(serialize_with = "by_name")]
    pub status: MigrationStatus,
}

fn by_name<S: Serializer>(status: &MigrationStatus, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.name())
}

impl SideReport {
    /// Returns the last state.
    #[must_use]
    pub fn status(&self) -> MigrationStatus {
        self.states.last().map_or(MigrationStatus::None, |change| change.status)
    }
}

/// The downtime with its parts, as the recorder saw it.
///
/// The guest was stopped shortly before the first part and ran again shortly before the last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Downtime {
    /// The time at which the switchover became visible.
    pub begin_us: u64,
    /// The sum of the parts.
    pub total_us: u64,
    /// The transfer of the remaining memory. In postcopy, the list of pages that are still to be sent.
    pub memory_us: u64,
    /// The transfer of the devices.
    pub devices_us: u64,
    /// From the last byte to the destination's answer, or to the end of the connection without one.
    pub answer_us: u64,
}

/// The figures of postcopy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Postcopy {
    /// The time at which the guest was handed over.
    pub begin_us: u64,
    /// The pages that followed the guest.
    pub pages: PageCounts,
    /// The requests for pages.
    pub requests: u64,
    /// The requests whose page has followed, and the sum and the maximum of the times until then.
    pub answered: u64,
    /// The mean time from a request to its page.
    pub mean_us: u64,
    /// The longest time from a request to its page.
    pub longest_us: u64,
    /// The number of recoveries.
    pub recoveries: u64,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Connection {
    /// Its number.
    pub number: u32,
    /// Its purpose: `main`, `data`, `requested pages`, `recovery`, `silent` and others.
    pub purpose: &'static str,
    /// The number of a data channel.
    pub channel: Option<u8>,
    /// The time at which the source connected.
    pub begin_us: u64,
    /// The bytes of the source.
    pub source_bytes: u64,
    /// The bytes of the destination.
    pub destination_bytes: u64,
    /// The time at which the source ended it.
    pub source_end_us: Option<u64>,
    /// The time at which the destination ended it.
    pub destination_end_us: Option<u64>,
    /// The message of a lost connection.
    pub lost: Option<String>,
}

/// An event of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Moment {
    /// Its time.
    pub at_us: u64,
    /// The participant that caused it.
    pub side: Participant,
    /// The number of the connection.
    pub connection: u32,
    /// Its description.
    pub what: String,
}
