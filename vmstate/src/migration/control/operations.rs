//! The effects of commands on a program.

use std::fmt;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::super::{Announcement, Channels, MigrationStatus, Statistics, Uri};
use super::error::{CommandError, shortened};
use super::event::MonitorEvent;
use super::job::{JobInfo, SnapshotRequest};
use super::request::{DirtyRateMode, DirtyRateRequest};
use super::settings::Settings;

/// The run state of a guest (`RunState` in QEMU's `qapi/run-state.json`), as far as migration concerns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunState {
    /// The guest has not run yet: the program was started with `-S`.
    Prelaunch,
    /// The guest runs.
    Running,
    /// The guest was stopped by a command.
    Paused,
    /// The guest is awaited from a source.
    InMigrate,
    /// The guest is stopped, and on its way to the destination.
    FinishMigrate,
    /// The guest is at the destination.
    PostMigrate,
    /// The guest is stopped while a snapshot is saved.
    SaveVm,
    /// The guest is stopped while a snapshot is loaded.
    RestoreVm,
}

impl RunState {
    pub(super) const ALL: [Self; 8] = [
        Self::Prelaunch,
        Self::Running,
        Self::Paused,
        Self::InMigrate,
        Self::FinishMigrate,
        Self::PostMigrate,
        Self::SaveVm,
        Self::RestoreVm,
    ];

    /// Returns QEMU's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prelaunch => "prelaunch",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::InMigrate => "inmigrate",
            Self::FinishMigrate => "finish-migrate",
            Self::PostMigrate => "postmigrate",
            Self::SaveVm => "save-vm",
            Self::RestoreVm => "restore-vm",
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The result of a measurement of the dirty rate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirtyRate {
    /// The progress of the measurement.
    pub status: DirtyRateStatus,
    /// The start of the measurement, as time since the start of the program.
    pub start: Duration,
    /// The duration of the measurement.
    pub duration: Duration,
    /// The method.
    pub mode: DirtyRateMode,
    /// The number of pages of each GiB that were compared, if the method does that.
    pub samples: u64,
    /// The rate in bytes per second, once it is measured.
    pub rate: Option<u64>,
}

impl Default for DirtyRate {
    fn default() -> Self {
        Self {
            status: DirtyRateStatus::default(),
            start: Duration::ZERO,
            duration: Duration::ZERO,
            mode: DirtyRateMode::default(),
            samples: DirtyRateRequest::SAMPLES,
            rate: None,
        }
    }
}

/// The progress of a measurement of the dirty rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DirtyRateStatus {
    /// No measurement was started.
    #[default]
    Unstarted,
    /// The measurement is in progress.
    Measuring,
    /// The measurement has ended.
    Measured,
}

impl DirtyRateStatus {
    pub(super) const ALL: [Self; 3] = [Self::Unstarted, Self::Measuring, Self::Measured];

    /// Returns QEMU's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unstarted => "unstarted",
            Self::Measuring => "measuring",
            Self::Measured => "measured",
        }
    }
}

/// The operations of a program that its management layer can request. Methods with a default are optional.
///
/// The operations only begin: a migration or a measurement goes on after the method has returned, and is observed with
/// [`statistics`](Self::statistics) and [`dirty_rate`](Self::dirty_rate).
pub trait Operations {
    /// Returns the run state of the guest.
    fn run_state(&self) -> RunState;

    /// Returns the state and the statistics of the last migration.
    fn statistics(&self) -> Statistics;

    /// Returns the reasons why the machine cannot be migrated.
    fn blocked_reasons(&self) -> Vec<String> {
        Vec::new()
    }

    /// Starts a migration, or continues an interrupted one.
    ///
    /// # Errors
    /// Returns an error if a migration is in progress, the machine cannot be migrated, or the address is not allowed.
    fn migrate(&mut self, channels: &Channels, resume: bool, settings: &Settings) -> Result<(), CommandError>;

    /// Listens at `uri` for a migration.
    ///
    /// # Errors
    /// Returns an error if the program does not await a migration, or cannot listen there.
    fn migrate_incoming(&mut self, uri: &Uri, exit_on_error: bool, settings: &Settings) -> Result<(), CommandError>;

    /// Cancels the migration to a destination. Does nothing without one, or at the destination.
    fn cancel(&mut self);

    /// Continues a migration that waits in `state`.
    ///
    /// # Errors
    /// Returns an error in other states.
    fn continue_from(&mut self, state: MigrationStatus) -> Result<(), CommandError>;

    /// Returns whether the rate at which vCPUs write memory can be limited, which the capability `dirty-limit` requires.
    fn can_limit_writes(&self) -> bool {
        false
    }

    /// Applies capabilities and parameters that were changed while the program waits for a source.
    ///
    /// # Errors
    /// Returns an error if it cannot apply them.
    fn reconfigure(&mut self, settings: &Settings) -> Result<(), CommandError> {
        let _ = settings;
        Err(CommandError::in_progress())
    }

    /// Applies parameters that were changed during a migration.
    fn apply(&mut self, settings: &Settings) {
        let _ = settings;
    }

    /// Stops the guest.
    ///
    /// # Errors
    /// Returns an error if the guest cannot be stopped.
    fn stop(&mut self) -> Result<(), CommandError>;

    /// Lets the guest run.
    ///
    /// # Errors
    /// Returns an error if the guest is at the destination, or may be.
    fn cont(&mut self) -> Result<(), CommandError>;

    /// Ends the program, once the reply is sent.
    fn quit(&mut self);

    /// Returns the events since the last call. They are sent before the reply of the command that has caused them, as by QEMU.
    fn take_events(&mut self) -> Vec<MonitorEvent> {
        Vec::new()
    }

    /// Keeps a descriptor that the client has passed for addresses `fd:NAME`, in place of an older one of this name.
    ///
    /// # Errors
    /// Returns an error if the program does not use descriptors.
    #[cfg(unix)]
    fn keep_descriptor(&mut self, name: &str, descriptor: OwnedFd) -> Result<(), CommandError> {
        let _ = (name, descriptor);
        Err(CommandError::new("getfd is not implemented"))
    }

    /// Closes a descriptor that the client has passed.
    ///
    /// # Errors
    /// Returns an error if it does not exist.
    fn close_descriptor(&mut self, name: &str) -> Result<(), CommandError> {
        Err(CommandError::unknown_descriptor(name))
    }

    /// Lets the guest run on the destination before all pages have arrived. It is called only with the capability
    /// `postcopy-ram`.
    ///
    /// # Errors
    /// Returns an error if no migration was started.
    fn start_postcopy(&mut self) -> Result<(), CommandError> {
        Err(CommandError::new("migrate-start-postcopy is not implemented"))
    }

    /// Interrupts a migration whose guest runs on the destination. It is called only in the states `postcopy-active` and
    /// `postcopy-recover`.
    ///
    /// # Errors
    /// Returns an error if the migration cannot be interrupted.
    fn pause(&mut self) -> Result<(), CommandError> {
        Err(CommandError::new("migrate-pause is not implemented"))
    }

    /// Listens at `uri` for the continuation of an interrupted migration.
    ///
    /// # Errors
    /// Returns an error if no migration is interrupted.
    fn recover(&mut self, uri: &Uri) -> Result<(), CommandError> {
        let _ = uri;
        Err(CommandError::new("Migrate recover can only be run when postcopy is paused."))
    }

    /// Runs the guest here, although the peer may run it. The client asserts that the peer is dead or stopped.
    ///
    /// # Errors
    /// Returns an error unless the migration waits for this decision.
    fn force_run(&mut self) -> Result<(), CommandError> {
        Err(CommandError::undecided("x-force-run"))
    }

    /// Leaves the guest to the destination. The client asserts that the destination runs it.
    ///
    /// # Errors
    /// Returns an error unless the migration waits for this decision.
    fn abandon(&mut self) -> Result<(), CommandError> {
        Err(CommandError::undecided("x-abandon"))
    }

    /// Continues from the newest of the earlier states that the program keeps, and returns the number of the others.
    ///
    /// # Errors
    /// Returns an error if no state is kept, or the guest is being saved, loaded or migrated.
    fn rewind(&mut self) -> Result<u64, CommandError> {
        Err(CommandError::new("x-rewind is not implemented: the program keeps no earlier states"))
    }

    /// Breaks the connections of the migration, as if the network had failed.
    ///
    /// # Errors
    /// Returns an error if they do not exist.
    fn yank(&mut self) -> Result<(), CommandError> {
        Err(CommandError::new("Instance not found"))
    }

    /// Returns whether [`yank`](Self::yank) has a connection to break.
    fn can_yank(&self) -> bool {
        false
    }

    /// Announces the guest's network cards.
    ///
    /// # Errors
    /// Returns an error if the program has no network cards that can be announced.
    fn announce(&mut self, announcement: &Announcement) -> Result<(), CommandError> {
        let _ = announcement;
        Err(CommandError::new("announce-self is not implemented: the machine has no network cards"))
    }

    /// Starts a measurement of the dirty rate.
    ///
    /// # Errors
    /// Returns an error if a measurement is in progress, or the mode is not available.
    fn measure_dirty_rate(&mut self, request: &DirtyRateRequest) -> Result<(), CommandError> {
        let mode = request.mode.name();
        Err(CommandError::new(format!("mode {mode} is not enabled, use other method instead.")))
    }

    /// Returns the result of the last measurement of the dirty rate.
    fn dirty_rate(&self) -> DirtyRate {
        DirtyRate::default()
    }

    /// Starts a job that saves, loads or deletes a snapshot. Its outcome is in [`jobs`](Self::jobs).
    ///
    /// # Errors
    /// Returns an error if the job cannot start, such as because its id is in use.
    fn snapshot(&mut self, request: SnapshotRequest) -> Result<(), CommandError> {
        let command = request.action.name();
        Err(CommandError::new(format!("{command} is not implemented: the program has no snapshots")))
    }

    /// Returns the jobs that were not dismissed, the latest first.
    fn jobs(&self) -> Vec<JobInfo> {
        Vec::new()
    }

    /// Forgets a concluded job.
    ///
    /// # Errors
    /// Returns an error if the job does not exist or was not concluded yet.
    fn dismiss_job(&mut self, id: &str) -> Result<(), CommandError> {
        let _ = id;
        Err(CommandError::unknown_job())
    }

    /// Executes a line of the human monitor of the release in `settings`, and returns its output, including errors.
    ///
    /// # Errors
    /// Returns an error if the line cannot be executed now.
    fn human(&mut self, line: &str, settings: &Settings) -> Result<String, CommandError> {
        let _ = settings;
        Ok(unknown_line(line))
    }
}

/// Returns the output of the human monitor for an unknown command.
pub(super) fn unknown_line(line: &str) -> String {
    let mut words = line.split_whitespace();
    match (words.next(), words.next()) {
        (None, _) => String::new(),
        (Some("info"), Some(subject)) => format!("unknown command: 'info {}'\r\n", shortened(subject)),
        (Some(command), _) => format!("unknown command: '{}'\r\n", shortened(command)),
    }
}
