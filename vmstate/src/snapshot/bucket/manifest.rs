//! The object with the properties of a snapshot, in JSON.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::snapshot::SnapshotInfo;

/// The format of the object.
const FORMAT: u32 = 1;
/// The largest object in bytes: a comment whose characters are all escaped, and the rest.
pub(super) const MAX_SIZE: u64 = 1 << 20;

/// The properties of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    pub(super) name: String,
    date_seconds: u64,
    date_nanoseconds: u32,
    guest_clock_seconds: u64,
    guest_clock_nanoseconds: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    comment: String,
    /// The id up to which this one replaces snapshots of its name. They may exist for a moment longer, or until the next change
    /// if the process crashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<u64>,
    /// The length of the stream.
    pub(super) length: u64,
    /// The number of bytes in its chunks.
    size: u64,
    /// The name of the list of chunks.
    pub(super) list: String,
}

impl Manifest {
    pub(super) fn new(snapshot: &SnapshotInfo, replaces: Option<u64>, length: u64, list: String) -> Self {
        let (date, clock) = (snapshot.since_epoch(), snapshot.guest_clock);
        Self {
            format: FORMAT,
            name: snapshot.name.clone(),
            date_seconds: date.as_secs(),
            date_nanoseconds: date.subsec_nanos(),
            guest_clock_seconds: clock.as_secs(),
            guest_clock_nanoseconds: clock.subsec_nanos(),
            parent: snapshot.parent.clone(),
            comment: snapshot.comment.clone(),
            replaces,
            length,
            size: snapshot.size,
            list,
        }
    }

    /// Parses the object, or returns the reason why it is not valid.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match manifest.format {
            FORMAT => Ok(manifest),
            other => Err(format!("expected format {FORMAT}, found {other}; use a newer release")),
        }
    }

    pub(super) fn to_text(&self) -> String {
        // Texts and numbers can always be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub(super) fn snapshot(&self, id: u64) -> SnapshotInfo {
        let date = Duration::new(self.date_seconds, self.date_nanoseconds % 1_000_000_000);
        SnapshotInfo {
            id: id.to_string(),
            name: self.name.clone(),
            date: UNIX_EPOCH.checked_add(date).unwrap_or(UNIX_EPOCH),
            guest_clock: Duration::new(self.guest_clock_seconds, self.guest_clock_nanoseconds % 1_000_000_000),
            size: self.size,
            parent: self.parent.clone(),
            base: None,
            comment: self.comment.clone(),
        }
    }
}
