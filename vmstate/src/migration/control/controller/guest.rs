//! The guest, which the monitor and a migration control together.

mod stopped;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::super::super::drive::{DirtyLimiter, Host, HostError, HostMemory};
use super::super::super::{Announcement, Mode};
use super::super::error::CommandError;
use super::super::event::MonitorEvent;
use super::super::operations::RunState;
use super::notice::{Notice, Notifier};
use crate::machine::{LoadReport, Machine, SaveOptions};
use crate::stream::Configuration;

/// A host that is shared with the thread of a migration.
///
/// The host's lock is taken before the one of the run state. A migration holds the host's lock while it saves or loads
/// devices, so the monitor takes it only in states in which it does neither.
#[derive(Debug)]
pub(super) struct Guest<H>(Arc<Inner<H>>);

#[derive(Debug)]
struct Inner<H> {
    host: Mutex<H>,
    status: Mutex<Status>,
    notifier: Notifier,
}

/// The run state, and the states that follow it.
#[derive(Debug, Clone, Copy)]
struct Status {
    run_state: RunState,
    /// The state after a switchover that fails.
    after: RunState,
    /// Set if the guest runs once it has arrived.
    starts: bool,
    /// Set if nothing else can have the guest after a completed migration: the stream is a file.
    may_return: bool,
}

impl<H> Clone for Guest<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Locks a value that is valid after every panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<H: Host> Guest<H> {
    pub(super) fn new(host: H, run_state: RunState, notifier: Notifier) -> Self {
        let status = Status { run_state, after: run_state, starts: true, may_return: false };
        Self(Arc::new(Inner { host: Mutex::new(host), status: Mutex::new(status), notifier }))
    }

    pub(super) fn run_state(&self) -> RunState {
        lock(&self.0.status).run_state
    }

    pub(super) fn with_host<R>(&self, use_host: impl FnOnce(&mut H) -> R) -> R {
        use_host(&mut lock(&self.0.host))
    }

    pub(super) fn notify(&self, notice: Notice) {
        self.0.notifier.send(notice);
    }

    pub(super) fn emit(&self, event: MonitorEvent) {
        self.notify(Notice::Event(event));
    }

    /// Returns the reasons why the guest cannot be migrated, if they are known without waiting.
    pub(super) fn known_blockers(&self, mode: Mode) -> Vec<String> {
        self.try_host().map(|host| host.blockers(mode)).unwrap_or_default()
    }

    /// Announces network cards because of a command.
    pub(super) fn announce_again(&self, announcement: &Announcement) -> Result<(), CommandError> {
        self.try_host()?.announce(announcement);
        Ok(())
    }

    /// Returns the memory for a measurement.
    pub(super) fn idle_memory(&self) -> Result<HostMemory, CommandError> {
        Ok(self.try_host()?.memory())
    }

    /// Locks the host for a command that does not wait for a migration.
    fn try_host(&self) -> Result<MutexGuard<'_, H>, CommandError> {
        match self.0.host.try_lock() {
            Ok(host) => Ok(host),
            Err(TryLockError::Poisoned(host)) => Ok(host.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(CommandError::new("a migration saves or loads the devices; try again"))
            }
        }
    }

    /// Stops the guest because of a command. An awaited guest will not start.
    pub(super) fn pause(&self) -> Result<(), HostError> {
        if self.run_state() == RunState::Running {
            return self.pause_running();
        }
        let mut status = lock(&self.0.status);
        match status.run_state {
            RunState::InMigrate => status.starts = false,
            RunState::FinishMigrate | RunState::SaveVm | RunState::RestoreVm => status.after = RunState::Paused,
            _ => {}
        }
        Ok(())
    }

    fn pause_running(&self) -> Result<(), HostError> {
        let mut host = lock(&self.0.host);
        let mut status = lock(&self.0.status);
        match status.run_state {
            RunState::Running => {
                host.pause()?;
                status.run_state = RunState::Paused;
                self.emit(MonitorEvent::Stop);
            }
            // A migration has stopped it meanwhile.
            _ => status.after = RunState::Paused,
        }
        Ok(())
    }

    /// Lets the guest run because of a command. An awaited guest will start.
    pub(super) fn cont(&self) -> Result<(), CommandError> {
        let mut status = lock(&self.0.status);
        match status.run_state {
            RunState::InMigrate => {
                status.starts = true;
                Ok(())
            }
            RunState::FinishMigrate => Err(CommandError::new("Migration is not finalized yet")),
            RunState::SaveVm | RunState::RestoreVm => {
                status.after = RunState::Running;
                Ok(())
            }
            // QEMU runs a second guest here.
            RunState::PostMigrate if !status.may_return => {
                Err(CommandError::new("The guest has moved to the destination; it must not run on both sides"))
            }
            RunState::Running => Ok(()),
            RunState::Prelaunch | RunState::Paused | RunState::PostMigrate => {
                drop(status);
                self.cont_stopped()
            }
        }
    }

    fn cont_stopped(&self) -> Result<(), CommandError> {
        let mut host = lock(&self.0.host);
        let mut status = lock(&self.0.status);
        if !matches!(status.run_state, RunState::Prelaunch | RunState::Paused | RunState::PostMigrate) {
            return Err(CommandError::new("Migration is not finalized yet"));
        }
        host.resume().map_err(|error| CommandError::new(error.to_string()))?;
        status.run_state = RunState::Running;
        self.emit(MonitorEvent::Resume);
        Ok(())
    }

    /// Continues from an earlier state because of a command.
    pub(super) fn rewind(&self) -> Result<u64, CommandError> {
        let mut host = self.try_host()?;
        match self.run_state() {
            RunState::Running | RunState::Paused => host.rewind().map_err(|error| CommandError::new(error.to_string())),
            state => Err(CommandError::new(format!("the guest cannot be rewound in the state {state}"))),
        }
    }

    /// Records that the guest has left. `may_return` is whether nothing else can have it.
    pub(super) fn has_moved(&self, may_return: bool) {
        let mut status = lock(&self.0.status);
        (status.run_state, status.may_return) = (RunState::PostMigrate, may_return);
    }
}

/// The guest as a migration sees it.
impl<H: Host> Host for Guest<H> {
    fn configuration(&self) -> Configuration {
        lock(&self.0.host).configuration()
    }

    fn uuid(&self) -> [u8; 16] {
        lock(&self.0.host).uuid()
    }

    fn memory(&self) -> HostMemory {
        lock(&self.0.host).memory()
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        lock(&self.0.host).with_machine(use_machine);
    }

    fn save_options(&self) -> SaveOptions {
        lock(&self.0.host).save_options()
    }

    fn loaded(&mut self, report: &LoadReport) -> Result<(), HostError> {
        lock(&self.0.host).loaded(report)
    }

    /// Returns whether the guest runs, or a command can let it run during the migration.
    fn is_running(&self) -> bool {
        self.run_state() == RunState::Running || self.memory().log.is_some()
    }

    fn is_stopped_now(&self) -> bool {
        self.run_state() != RunState::Running
    }

    fn stop(&mut self) -> Result<(), HostError> {
        let mut host = lock(&self.0.host);
        let mut status = lock(&self.0.status);
        let before = std::mem::replace(&mut status.run_state, RunState::FinishMigrate);
        status.after = before;
        if before == RunState::Running {
            host.stop()?;
            self.emit(MonitorEvent::Stop);
        }
        Ok(())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        let mut host = lock(&self.0.host);
        let mut status = lock(&self.0.status);
        status.run_state = status.after;
        if status.after == RunState::Running {
            status.run_state = RunState::Paused;
            host.resume()?;
            status.run_state = RunState::Running;
            self.emit(MonitorEvent::Resume);
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), HostError> {
        let mut host = lock(&self.0.host);
        let mut status = lock(&self.0.status);
        status.run_state = if host.is_prelaunch() { RunState::Prelaunch } else { RunState::Paused };
        if status.starts {
            host.start()?;
        }
        if host.is_running() {
            status.run_state = RunState::Running;
            self.emit(MonitorEvent::Resume);
        }
        Ok(())
    }

    fn is_prelaunch(&self) -> bool {
        lock(&self.0.host).is_prelaunch()
    }

    fn throttle(&mut self, percent: u8) {
        lock(&self.0.host).throttle(percent);
    }

    fn dirty_limiter(&self) -> Option<Arc<dyn DirtyLimiter>> {
        lock(&self.0.host).dirty_limiter()
    }

    fn blockers(&self, mode: Mode) -> Vec<String> {
        self.known_blockers(mode)
    }

    fn device_time(&self) -> Option<Duration> {
        lock(&self.0.host).device_time()
    }

    fn vcpu_threads(&self) -> Vec<u32> {
        lock(&self.0.host).vcpu_threads()
    }

    fn announce(&mut self, announcement: &Announcement) {
        lock(&self.0.host).announce(announcement);
    }
}
