//! The events that a monitor sends.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Event, MigrationStatus, QemuRelease};
use super::job::JobStatus;

/// An event of QEMU's monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MonitorEvent {
    /// MIGRATION: the state of the migration has changed.
    Migration(MigrationStatus),
    /// MIGRATION_PASS: the dirty log was synchronized.
    Pass(u64),
    /// STOP: the guest is stopped.
    Stop,
    /// RESUME: the guest runs.
    Resume,
    /// JOB_STATUS_CHANGE: a job has another state.
    Job {
        /// The id of the job.
        id: String,
        /// Its new state.
        status: JobStatus,
    },
    /// SHUTDOWN: the program ends, because of the command `quit`.
    Quit,
}

impl MonitorEvent {
    /// Returns the event of a monitor for an event of a migration, or `None` if QEMU has no such event.
    #[must_use]
    pub fn from_migration(event: &Event) -> Option<Self> {
        match event {
            Event::Status(status) => Some(Self::Migration(*status)),
            Event::Pass { number, .. } => Some(Self::Pass(*number)),
            Event::Stopped => Some(Self::Stop),
            Event::Resumed => Some(Self::Resume),
            _ => None,
        }
    }

    /// Returns whether QEMU sends the event only with the capability `events`.
    #[must_use]
    pub fn needs_capability(&self) -> bool {
        matches!(self, Self::Migration(_) | Self::Pass(_))
    }

    /// Returns whether `release` has the state of the event. In another one, the state before seems to last.
    pub(super) fn exists_in(&self, release: QemuRelease) -> bool {
        match self {
            Self::Migration(MigrationStatus::Loaded) => false,
            Self::Migration(MigrationStatus::Failing | MigrationStatus::PostcopyDevice) => {
                release >= QemuRelease::V11_1
            }
            Self::Migration(MigrationStatus::PostcopyRecoverSetup) => release >= QemuRelease::V10_0,
            _ => true,
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Migration(_) => "MIGRATION",
            Self::Pass(_) => "MIGRATION_PASS",
            Self::Stop => "STOP",
            Self::Resume => "RESUME",
            Self::Job { .. } => "JOB_STATUS_CHANGE",
            Self::Quit => "SHUTDOWN",
        }
    }

    fn data(&self, release: QemuRelease) -> Option<Value> {
        match self {
            Self::Migration(status) => Some(json!({ "status": status.qapi_name(release) })),
            Self::Pass(number) => Some(json!({ "pass": number })),
            Self::Stop | Self::Resume => None,
            Self::Job { id, status } => Some(json!({ "status": status.name(), "id": id })),
            Self::Quit => Some(json!({ "guest": false, "reason": "host-qmp-quit" })),
        }
    }

    /// Returns the message. `time` is the time since 1970.
    pub(super) fn to_value(&self, time: Duration, release: QemuRelease) -> Value {
        let timestamp = json!({ "seconds": time.as_secs(), "microseconds": time.subsec_micros() });
        let mut message = json!({ "event": self.name(), "timestamp": timestamp });
        if let (Some(data), Some(members)) = (self.data(release), message.as_object_mut()) {
            members.insert("data".to_owned(), data);
        }
        message
    }
}
