//! The guest during the save or the load of a snapshot.

use std::sync::MutexGuard;

use super::super::super::super::drive::Host;
use super::super::super::event::MonitorEvent;
use super::super::super::operations::RunState;
use super::{Guest, lock};
use crate::snapshot::{StoreError, StoreErrorKind};

impl<H: Host> Guest<H> {
    /// Calls `use_host` with the stopped guest, which continues afterwards if it ran before. `state` is the state meanwhile.
    ///
    /// # Errors
    /// Returns an error if `use_host` does, in which case the guest continues, too, or the guest cannot be stopped or continue.
    pub(in super::super) fn while_stopped<R>(
        &self,
        state: RunState,
        use_host: impl FnOnce(&mut H) -> Result<R, StoreError>,
    ) -> Result<R, String> {
        let mut stopped = Stopped::new(self, state)?;
        let result = use_host(&mut stopped.host);
        if result.as_ref().is_err_and(|error| error.kind() == StoreErrorKind::NotRunnable) {
            lock(&self.0.status).after = RunState::Paused;
        }
        let resumed = stopped.resume();
        result.map_err(|error| error.to_string()).and_then(|found| resumed.map(|()| found))
    }
}

/// A stopped guest, which continues when it is dropped: a panic must not leave it stopped.
struct Stopped<'g, H: Host> {
    guest: &'g Guest<H>,
    host: MutexGuard<'g, H>,
    is_resumed: bool,
}

impl<'g, H: Host> Stopped<'g, H> {
    fn new(guest: &'g Guest<H>, state: RunState) -> Result<Self, String> {
        let mut stopped = Self { guest, host: lock(&guest.0.host), is_resumed: true };
        let mut status = lock(&guest.0.status);
        check(status.run_state, status.may_return)?;
        status.after = std::mem::replace(&mut status.run_state, state);
        stopped.is_resumed = false;
        if status.after == RunState::Running {
            drop(status);
            stopped.host.stop().map_err(|error| error.to_string())?;
            guest.emit(MonitorEvent::Stop);
        }
        Ok(stopped)
    }

    fn resume(&mut self) -> Result<(), String> {
        if std::mem::replace(&mut self.is_resumed, true) {
            return Ok(());
        }
        let mut status = lock(&self.guest.0.status);
        status.run_state = status.after;
        if status.after == RunState::Running {
            status.run_state = RunState::Paused;
            self.host.resume().map_err(|error| format!("the guest cannot continue: {error}"))?;
            status.run_state = RunState::Running;
            self.guest.emit(MonitorEvent::Resume);
        }
        Ok(())
    }
}

impl<H: Host> Drop for Stopped<'_, H> {
    fn drop(&mut self) {
        // It has been reported if it was possible.
        let _ = self.resume();
    }
}

/// Checks that a snapshot can be saved or loaded in this state.
fn check(run_state: RunState, may_return: bool) -> Result<(), String> {
    match run_state {
        RunState::Prelaunch | RunState::Running | RunState::Paused => Ok(()),
        RunState::PostMigrate if may_return => Ok(()),
        RunState::PostMigrate => Err("The guest has moved to the destination".to_owned()),
        RunState::InMigrate => Err("Guest is waiting for an incoming migration".to_owned()),
        RunState::FinishMigrate => Err(super::super::super::error::IN_PROGRESS.to_owned()),
        RunState::SaveVm | RunState::RestoreVm => Err(super::super::jobs::JOB_RUNS.to_owned()),
    }
}
