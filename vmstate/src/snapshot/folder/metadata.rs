//! The file with the properties of a snapshot, in JSON.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::snapshot::chain::BlockPlaces;
use crate::snapshot::error::shown;
use crate::snapshot::{SnapshotInfo, StoreError, StoreErrorKind, identity};

/// The format of the file.
const FORMAT: u32 = 1;
/// The format of an incremental snapshot.
const INCREMENTAL: u32 = 2;
/// The largest file in bytes: a comment and the names of blocks whose characters are all escaped, and the rest.
pub(super) const MAX_SIZE: u64 = 1 << 20;

/// The properties of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Metadata {
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
    /// The id of the snapshot that this one replaces. It may exist for a moment longer, or until the next save if the
    /// process crashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<u64>,
    /// A random text, which distinguishes the snapshot from a later one with its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    identity: String,
    #[serde(flatten)]
    pub(super) contents: Contents,
}

/// The files of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Contents {
    /// The snapshot with the pages that an incremental one lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<Base>,
    /// The length of the stream in an incremental file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stream_size: Option<u64>,
    /// The places of guest memory, if they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) blocks: Vec<BlockPlaces>,
    /// A number in the name of an incremental file, which changes when the file is replaced.
    #[serde(default)]
    pub(super) generation: u32,
}

/// A reference to another snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Base {
    pub(super) id: u64,
    name: String,
    identity: String,
}

impl Base {
    pub(super) fn new(id: u64, metadata: &Metadata) -> Self {
        Self { id, name: metadata.name.clone(), identity: metadata.identity() }
    }

    /// Checks the snapshot that was found for the base of snapshot `name`.
    pub(super) fn check(&self, name: &str, found: Option<Metadata>) -> Result<Metadata, StoreError> {
        let problem = match found {
            Some(found) if found.identity() == self.identity => return Ok(found),
            Some(_) => "was replaced by another snapshot",
            None => "is missing",
        };
        let (name, base) = (shown(name), shown(&self.name));
        let message =
            format!("snapshot `{name}` is incremental, and its base `{base}` (snapshot {}) {problem}", self.id);
        Err(StoreError::new(StoreErrorKind::Damaged, message))
    }
}

impl Metadata {
    pub(super) fn new(snapshot: &SnapshotInfo, replaces: Option<u64>) -> Self {
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
            identity: identity::random(),
            contents: Contents::default(),
        }
    }

    /// Sets the files.
    pub(super) fn with(self, contents: Contents) -> Self {
        Self { contents, ..self }.with_format()
    }

    /// Sets the format: older releases do not read incremental snapshots.
    fn with_format(mut self) -> Self {
        self.format = if self.contents.base.is_some() { INCREMENTAL } else { FORMAT };
        self
    }

    /// Returns a text that distinguishes the snapshot from others with its id.
    pub(super) fn identity(&self) -> String {
        match self.identity.as_str() {
            "" => format!("{}.{:09}", self.date_seconds, self.date_nanoseconds),
            identity => identity.to_owned(),
        }
    }

    /// Parses the file, or returns the reason why it is not valid.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let metadata: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match metadata.format {
            FORMAT if metadata.contents.base.is_none() => Ok(metadata),
            INCREMENTAL if metadata.contents.base.is_some() => Ok(metadata),
            other => Err(format!("expected format {FORMAT} or {INCREMENTAL}, found {other}; use a newer release")),
        }
    }

    pub(super) fn to_text(&self) -> String {
        // Texts and numbers can always be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub(super) fn snapshot(&self, id: u64, size: u64) -> SnapshotInfo {
        let date = Duration::new(self.date_seconds, self.date_nanoseconds % 1_000_000_000);
        SnapshotInfo {
            id: id.to_string(),
            name: self.name.clone(),
            date: UNIX_EPOCH.checked_add(date).unwrap_or(UNIX_EPOCH),
            guest_clock: Duration::new(self.guest_clock_seconds, self.guest_clock_nanoseconds % 1_000_000_000),
            size,
            parent: self.parent.clone(),
            base: self.contents.base.as_ref().map(|base| base.id.to_string()),
            comment: self.comment.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Details;

    #[test]
    fn properties_are_kept() {
        let details = Details::new("a \"b\"\\").guest_clock(Duration::new(3, 999_999_999)).comment("x\ny").parent("7");
        let snapshot = SnapshotInfo::new("12", &details);
        let metadata = Metadata::new(&snapshot, Some(3));
        let parsed = Metadata::parse(metadata.to_text().as_bytes()).unwrap();
        assert_eq!(parsed, metadata);
        assert_eq!(parsed.snapshot(12, 0), snapshot);
    }

    /// Only new names have a limit.
    #[test]
    fn long_names_are_shortened_in_messages() {
        let long = "x".repeat(1 << 20);
        let mut metadata = Metadata::new(&SnapshotInfo::new("1", &Details::new("x")), None);
        metadata.name.clone_from(&long);
        let error = Base::new(1, &metadata).check(&long, None).unwrap_err().to_string();
        assert!(error.len() < 4096 && error.contains("xxx") && error.ends_with("is missing"), "{}", error.len());
    }

    #[test]
    fn invalid_files_are_rejected() {
        let text = Metadata::new(&SnapshotInfo::new("1", &Details::new("x")), None).to_text();
        for (from, to) in [("\"format\": 1", "\"format\": 2"), ("\"name\"", "\"nam\""), ("0", "-1"), ("}", "")] {
            assert!(text.contains(from), "{text}");
            Metadata::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        }
        let extremes = text.replace("_seconds\": ", "_seconds\": 1844674407370955161");
        Metadata::parse(extremes.as_bytes()).map(|metadata| metadata.snapshot(1, 0)).ok();
    }
}
