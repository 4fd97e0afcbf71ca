//! The properties of snapshots.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{StoreError, date};
use crate::memory::Changes;

/// The longest name in bytes. The format of qcow2 images permits 65,535, and QEMU truncates names to 255.
const MAX_NAME: usize = 255;
/// The longest comment in bytes.
const MAX_COMMENT: usize = 32 * 1024;

/// A saved snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotInfo {
    /// The id, a decimal number that the store assigns.
    pub id: String,
    /// The name.
    pub name: String,
    /// The time at which the snapshot was saved.
    pub date: SystemTime,
    /// The time of the guest since its start (QEMU's `vm-clock`).
    pub guest_clock: Duration,
    /// The number of bytes that the snapshot takes in the store.
    pub size: u64,
    /// The id of the snapshot from which the guest continued, if it was given.
    pub parent: Option<String>,
    /// The id of the snapshot whose pages an incremental snapshot needs. `None` for a complete one.
    pub base: Option<String>,
    /// The comment, or an empty text.
    pub comment: String,
}

impl SnapshotInfo {
    /// Creates a snapshot of no size.
    pub(super) fn new(id: &str, details: &Details) -> Self {
        Self {
            id: id.to_owned(),
            name: details.name.clone(),
            date: details.date.unwrap_or_else(SystemTime::now),
            guest_clock: details.guest_clock,
            size: 0,
            parent: details.parent.clone(),
            base: None,
            comment: details.comment.clone(),
        }
    }

    /// Returns whether both are the same snapshot: ids are reused.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.id, &self.name, self.date) == (&other.id, &other.name, other.date)
    }

    /// Returns the names of `snapshots`.
    pub(super) fn names(snapshots: &[Self]) -> Vec<&str> {
        snapshots.iter().map(|snapshot| snapshot.name.as_str()).collect()
    }

    /// Returns the date in UTC in the format of RFC 3339, such as `2026-11-28T16:54:30Z`.
    #[must_use]
    pub fn utc_date(&self) -> String {
        date::text(self.since_epoch().as_secs())
    }

    /// Returns the time since 1970 at which the snapshot was saved.
    pub(super) fn since_epoch(&self) -> Duration {
        self.date.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// The properties of a snapshot that is saved.
///
/// ```
/// use std::time::Duration;
///
/// use vmstate::snapshot::Details;
///
/// let details = Details::new("boot").guest_clock(Duration::from_millis(1500)).comment("login prompt");
/// # drop(details);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    pub(super) name: String,
    pub(super) date: Option<SystemTime>,
    pub(super) guest_clock: Duration,
    pub(super) parent: Option<String>,
    pub(super) changes: Option<Box<(SnapshotInfo, Changes)>>,
    pub(super) comment: String,
    pub(super) replace: bool,
}

impl From<&str> for Details {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Details {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl Details {
    /// Creates the properties of a snapshot with this name, of 1 to 255 bytes without control characters.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            date: None,
            guest_clock: Duration::ZERO,
            parent: None,
            changes: None,
            comment: String::new(),
            replace: false,
        }
    }

    /// Creates the properties of a snapshot that is named after the current time, like `vm-20261129144643`.
    #[must_use]
    pub fn named_by_time() -> Self {
        let now = SystemTime::now();
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let digits = date::text(seconds).replace(|char: char| !char.is_ascii_digit(), "");
        Self::new(format!("vm-{digits}")).date(now)
    }

    /// Sets the time at which the snapshot was taken. The default is the current time.
    #[must_use]
    pub fn date(mut self, date: SystemTime) -> Self {
        self.date = Some(date);
        self
    }

    /// Sets the time of the guest since its start.
    #[must_use]
    pub fn guest_clock(mut self, clock: Duration) -> Self {
        self.guest_clock = clock;
        self
    }

    /// Sets the id of the snapshot from which the guest continued. The snapshots of a guest then form a tree.
    #[must_use]
    pub fn parent(mut self, id: impl Into<String>) -> Self {
        self.parent = Some(id.into());
        self
    }

    /// Sets the parent, and the pages that the guest has written since it was saved or loaded. A [`Folder`](super::Folder)
    /// saves only these pages, and reads the others from the parent; other stores save all pages.
    #[must_use]
    pub fn changes_since(mut self, parent: &SnapshotInfo, changes: Changes) -> Self {
        self.parent = Some(parent.id.clone());
        self.changes = Some(Box::new((parent.clone(), changes)));
        self
    }

    /// Sets a comment of up to 32 KiB.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }

    /// Replaces a snapshot of the same name, as `savevm` of QEMU's human monitor does. Otherwise it is an error, as for
    /// `snapshot-save`.
    ///
    /// The old snapshot exists until the new one is complete.
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// Checks the texts.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let is_valid = (1..=MAX_NAME).contains(&self.name.len()) && !self.name.chars().any(char::is_control);
        if !is_valid {
            return Err(StoreError::invalid_name(&self.name));
        }
        if self.comment.len() > MAX_COMMENT {
            return Err(StoreError::long_comment(&self.name, self.comment.len(), MAX_COMMENT));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::StoreErrorKind;
    use super::*;

    #[test]
    fn names_are_checked() {
        for name in ["boot", "a/b", "..", "é", " ", &"x".repeat(255)] {
            Details::new(name).check().unwrap();
        }
        for name in ["", "a\nb", "\u{1b}[0m", &"x".repeat(256)] {
            let error = Details::new(name).check().unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::InvalidName);
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
        Details::new("x").comment("y\n".repeat(16 * 1024)).check().unwrap();
        Details::new("x").comment("y".repeat(32 * 1024 + 1)).check().unwrap_err();
    }
}
