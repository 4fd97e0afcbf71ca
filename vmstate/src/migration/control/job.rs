//! Jobs: commands about snapshots, whose work goes on after their reply.

use serde_json::{Value, json};

use super::super::Capabilities;
use super::arguments::{Arguments, Member, Type, is_identifier, optional, required};
use super::error::{CommandError, shortened};

/// The operation of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SnapshotAction {
    /// Saves it.
    Save,
    /// Loads it.
    Load,
    /// Deletes it.
    Delete,
}

impl SnapshotAction {
    const ALL: [Self; 3] = [Self::Save, Self::Load, Self::Delete];

    /// Returns QEMU's name of the command and of the type of its job.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Save => "snapshot-save",
            Self::Load => "snapshot-load",
            Self::Delete => "snapshot-delete",
        }
    }
}

/// The arguments of `snapshot-save`, `snapshot-load` or `snapshot-delete`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotRequest {
    /// The id of the job.
    pub job: String,
    /// The command.
    pub action: SnapshotAction,
    /// The name of the snapshot.
    pub tag: String,
    /// The node for the machine's state. `snapshot-delete` has no such argument.
    pub vmstate: Option<String>,
    /// All nodes of the snapshot.
    pub devices: Vec<String>,
    /// The capabilities when the command was executed.
    pub capabilities: Capabilities,
}

/// The state of a job (`JobStatus` in QEMU's `qapi/job.json`), as far as snapshots have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobStatus {
    /// The job exists.
    Created,
    /// The job runs, or waits for another one.
    Running,
    /// The job has succeeded, and waits for the other jobs of its transaction.
    Waiting,
    /// The job has succeeded, and will be concluded.
    Pending,
    /// The job has failed.
    Aborting,
    /// The job has ended, and waits for `job-dismiss`.
    Concluded,
    /// The job was dismissed.
    Null,
}

impl JobStatus {
    const ALL: [Self; 7] =
        [Self::Created, Self::Running, Self::Waiting, Self::Pending, Self::Aborting, Self::Concluded, Self::Null];

    /// Returns QEMU's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Aborting => "aborting",
            Self::Concluded => "concluded",
            Self::Null => "null",
        }
    }

    pub(super) fn words() -> Type {
        Type::Words(Self::ALL.map(Self::name).to_vec())
    }
}

/// A job that was not dismissed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobInfo {
    /// The id.
    pub id: String,
    /// The type.
    pub action: SnapshotAction,
    /// The state.
    pub status: JobStatus,
    /// The reason of a failure.
    pub error: Option<String>,
}

impl JobInfo {
    /// Creates the information about a job in this state.
    #[must_use]
    pub fn new(id: impl Into<String>, action: SnapshotAction, status: JobStatus) -> Self {
        Self { id: id.into(), action, status, error: None }
    }

    pub(super) fn to_value(&self) -> Value {
        let done = u8::from(!matches!(self.status, JobStatus::Created | JobStatus::Running));
        let (kind, status) = (self.action.name(), self.status.name());
        let mut value =
            json!({ "id": self.id, "type": kind, "status": status, "current-progress": done, "total-progress": 1 });
        if let (Some(error), Some(members)) = (&self.error, value.as_object_mut()) {
            members.insert("error".to_owned(), json!(error));
        }
        value
    }
}

/// Returns the type of the reply of `query-jobs`.
pub(super) fn list_type() -> Type {
    Type::list(Type::Object(vec![
        required("id", Type::Text),
        required("type", Type::Words(SnapshotAction::ALL.map(SnapshotAction::name).to_vec())),
        required("status", JobStatus::words()),
        required("current-progress", Type::Integer),
        required("total-progress", Type::Integer),
        optional("error", Type::Text),
    ]))
}

pub(super) fn arguments(release: super::super::QemuRelease) -> Vec<Member> {
    let mut members = delete_arguments(release);
    members.push(required("vmstate", Type::Text));
    members
}

pub(super) fn delete_arguments(_: super::super::QemuRelease) -> Vec<Member> {
    vec![required("job-id", Type::Text), required("tag", Type::Text), required("devices", Type::list(Type::Text))]
}

pub(super) fn parse(arguments: &Arguments<'_>, action: SnapshotAction) -> Result<SnapshotRequest, CommandError> {
    let job = arguments.owned("job-id");
    check_id(&job)?;
    let devices = arguments.list("devices").iter().filter_map(Value::as_str).map(str::to_owned);
    Ok(SnapshotRequest {
        job,
        action,
        tag: arguments.owned("tag"),
        vmstate: arguments.text("vmstate").map(str::to_owned),
        devices: devices.collect(),
        capabilities: Capabilities::none(),
    })
}

fn check_id(id: &str) -> Result<(), CommandError> {
    if is_identifier(id) { Ok(()) } else { Err(CommandError::new(format!("Invalid job ID '{}'", shortened(id)))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_jobs_are_checked() {
        for id in ["a", "save-1", "x._-9", &"a".repeat(255)] {
            check_id(id).unwrap();
        }
        for id in ["", "1a", "-a", "a b", "a/b", "é", "a\u{1b}", &"a".repeat(256)] {
            let error = check_id(id).unwrap_err().to_string();
            assert!(error.starts_with("Invalid job ID '") && !error.contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn jobs_have_their_errors() {
        let mut job = JobInfo::new("a", SnapshotAction::Load, JobStatus::Running);
        let running = json!({
            "id": "a", "type": "snapshot-load", "status": "running", "current-progress": 0, "total-progress": 1,
        });
        assert_eq!(job.to_value(), running);
        (job.status, job.error) = (JobStatus::Concluded, Some("lost".to_owned()));
        let value = job.to_value();
        assert_eq!((&value["error"], &value["current-progress"]), (&json!("lost"), &json!(1)));
        list_type().check(&json!([running, value]), "jobs").unwrap();
    }
}
