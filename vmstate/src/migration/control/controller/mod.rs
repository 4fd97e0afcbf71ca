//! The operations of a program with a [`Host`], on the drivers of migrations.

mod address;
mod commands;
mod dirty_rate;
mod guest;
mod human;
mod job;
mod jobs;
mod notice;
mod serve;
mod snapshots;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use super::super::drive::Host;
use super::super::source::SourceControl;
use super::super::{MigrationStatus, Uri};
use super::error::CommandError;
use super::operations::{Operations, RunState};
use address::Address;
use dirty_rate::Measurement;
use guest::Guest;
use job::{Job, Kind};
use jobs::{JOB_RUNS, Jobs};
use notice::Inbox;
use snapshots::Snapshots;

pub use serve::Ended;

/// A host under the control of a monitor: commands start, observe and cancel migrations, and stop and continue the guest.
///
/// A program that implements [`Host`] needs about a dozen lines to be controlled by QEMU's clients:
///
/// ```no_run
/// use vmstate::migration::control::{Controller, Ended, Operations, Server, Settings};
/// use vmstate::migration::{Host, QemuRelease};
///
/// fn control(board: impl Host + Send + 'static) -> Result<(), Box<dyn std::error::Error>> {
///     let mut settings = Settings::new(QemuRelease::V10_0);
///     let mut server = Server::listen("/run/board.qmp", settings.release)?;
///     let mut controller = Controller::new(board)?; // or `Controller::incoming`, which waits for a guest
///     controller.cont()?;
///     match controller.run(&mut server, &mut settings)? {
///         Ended::IncomingFailed(reason) => Err(reason.into()),
///         _ => Ok(()),
///     }
/// }
/// ```
///
/// A migration runs on a separate thread, so the host is [`Send`]. While the guest is saved or loaded, only that thread
/// uses the host.
#[derive(Debug)]
pub struct Controller<H: Host> {
    guest: Guest<H>,
    /// The machine type of the host, which may be in use.
    machine_type: String,
    inbox: Inbox,
    job: Option<Job>,
    arrival: Arrival,
    /// The descriptors that clients have passed.
    descriptors: HashMap<String, OwnedFd>,
    /// The snapshots that clients save and load.
    snapshots: Option<Snapshots>,
    jobs: Jobs,
    /// The last measurement of the dirty rate.
    measurement: Option<Measurement>,
    created: Instant,
    ended: Option<Ended>,
}

/// QEMU's message.
const NOT_PAUSED: &str = concat!("Cannot resume if there is", " no paused migration");

/// The wait for a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// The program has a guest.
    None,
    /// The program waits for the address.
    Deferred,
    /// The program listens, or has listened.
    Begun,
}

impl<H: Host + Send + 'static> Controller<H> {
    /// Creates the controller of a guest, which runs or was not started yet.
    ///
    /// # Errors
    /// Returns an error if the process has too many open files.
    pub fn new(host: H) -> io::Result<Self> {
        let run_state = if host.is_running() { RunState::Running } else { RunState::Prelaunch };
        Self::in_state(host, run_state, Arrival::None)
    }

    /// Creates the controller of a host that waits for a guest. [`migrate_incoming`](Operations::migrate_incoming) sets
    /// the address. The guest runs after its arrival, unless [`stop`](Operations::stop) is called before.
    ///
    /// # Errors
    /// Returns an error if the process has too many open files.
    pub fn incoming(host: H) -> io::Result<Self> {
        Self::in_state(host, RunState::InMigrate, Arrival::Deferred)
    }

    fn in_state(host: H, run_state: RunState, arrival: Arrival) -> io::Result<Self> {
        let (notifier, inbox) = Inbox::new()?;
        let jobs = Jobs::new(notifier.clone());
        let machine_type = host.configuration().machine;
        let (guest, descriptors) = (Guest::new(host, run_state, notifier), HashMap::new());
        Ok(Self {
            guest,
            machine_type,
            inbox,
            job: None,
            arrival,
            descriptors,
            snapshots: None,
            jobs,
            measurement: None,
            created: Instant::now(),
            ended: None,
        })
    }

    /// Calls `use_host` with the host, such as to save a snapshot of a stopped guest. Waits as long as a migration saves or
    /// loads the guest.
    pub fn with_host<R>(&mut self, use_host: impl FnOnce(&mut H) -> R) -> R {
        self.guest.with_host(use_host)
    }

    fn status(&self) -> MigrationStatus {
        self.statistics().status
    }

    /// Returns whether the source waits for its destination, or for a decision about the guest.
    fn is_interrupted(&self) -> bool {
        matches!(self.status(), MigrationStatus::Doubt | MigrationStatus::PostcopyPaused)
    }

    /// Continues a migration of which the outcome is unknown.
    fn resume_migration(&self, uri: &Uri) -> Result<(), CommandError> {
        match &self.job {
            Some(Job { kind: Kind::Outgoing(control), .. }) if self.is_interrupted() => {
                control.redirect(uri);
                control.send(SourceControl::Recover);
                Ok(())
            }
            _ => Err(CommandError::new(NOT_PAUSED)),
        }
    }

    /// Returns an address that the drivers know. A passed descriptor is used up.
    fn address(&mut self, uri: &Uri) -> Address {
        let descriptor = match uri {
            Uri::Fd(name) => self.descriptors.remove(name),
            _ => None,
        };
        descriptor.map_or_else(|| Address::new(uri.clone()), Address::of_descriptor)
    }

    /// Checks that a migration can start in this run state.
    fn check_sender(&self) -> Result<(), CommandError> {
        match self.guest.run_state() {
            RunState::InMigrate => Err(CommandError::new("Guest is waiting for an incoming migration")),
            RunState::PostMigrate => {
                Err(CommandError::new("Can't migrate the vm that was paused due to previous migration"))
            }
            _ if self.jobs.are_running() => Err(CommandError::new(JOB_RUNS)),
            _ => Ok(()),
        }
    }

    fn awaits(&self) -> bool {
        self.guest.run_state() == RunState::InMigrate
    }
}
