//! Executes the commands of clients.

use std::os::fd::OwnedFd;

use super::super::super::drive::{Host, Incoming, MigrationError, random_session};
use super::super::super::source::{SourceConfig, SourceControl};
use super::super::super::{
    Announcement, Channels, MachineSwitches, MigrationStatus, Mode, QemuRelease, Statistics, Uri,
};
use super::super::error::CommandError;
use super::super::event::MonitorEvent;
use super::super::job::{JobInfo, SnapshotRequest};
use super::super::operations::{DirtyRate, Operations, RunState};
use super::super::request::DirtyRateRequest;
use super::super::settings::Settings;
use super::address::Address;
use super::dirty_rate::Measurement;
use super::job::{Job, Kind};
use super::notice::Notice;
use super::serve::Ended;
use super::{Arrival, Controller};

impl<H: Host + Send + 'static> Operations for Controller<H> {
    fn run_state(&self) -> RunState {
        self.guest.run_state()
    }

    fn statistics(&self) -> Statistics {
        self.job.as_ref().map(Job::statistics).unwrap_or_default()
    }

    fn blocked_reasons(&self) -> Vec<String> {
        self.guest.known_blockers(Mode::Normal)
    }

    fn migrate(&mut self, channels: &Channels, resume: bool, settings: &Settings) -> Result<(), CommandError> {
        if resume {
            return self.resume_migration(&channels.main);
        }
        self.check_sender()?;
        let to = self.address(&channels.main);
        // Its dirty log is needed.
        if self.measurement.as_ref().is_some_and(Measurement::is_measuring) {
            self.measurement = None;
        }
        let switches = MachineSwitches::new(&self.machine_type, settings.release);
        // QEMU ignores the address in other modes.
        let descriptors = channels.descriptors.clone().filter(|_| settings.parameters.mode == Mode::CprTransfer);
        let config = SourceConfig { descriptors, ..source_config(&to, settings).switches(switches) };
        let (job, unusable) = Job::send(&self.guest, to, config).map_err(|error| failed(&error))?;
        self.job = Some(job);
        unusable.map_or(Ok(()), |error| Err(CommandError::new(error)))
    }

    fn migrate_incoming(&mut self, uri: &Uri, exit_on_error: bool, settings: &Settings) -> Result<(), CommandError> {
        let ended = self.job.as_mut().is_none_or(Job::end);
        match self.arrival {
            Arrival::None => return Err(CommandError::new("'-incoming' was not specified on the command line")),
            Arrival::Begun if !ended || !self.awaits() => {
                return Err(CommandError::new("The incoming migration has already been started"));
            }
            // The host is unchanged after a failure, so it can listen again.
            Arrival::Begun | Arrival::Deferred => {}
        }
        let from = self.address(uri);
        let config = settings.destination(&self.machine_type);
        let incoming = Incoming::listen_with(&from.uri, config).map_err(|error| failed(&error))?;
        self.job = Some(Job::receive(&self.guest, incoming, from, exit_on_error));
        self.arrival = Arrival::Begun;
        Ok(())
    }

    fn can_limit_writes(&self) -> bool {
        self.guest.dirty_limiter().is_some()
    }

    fn cancel(&mut self) {
        // It has no effect at a destination (`migration_cancel` in QEMU's `migration/migration.c`).
        if let Some(job) = self.job.as_ref().filter(|job| matches!(job.kind, Kind::Outgoing(_))) {
            job.cancel();
        }
    }

    fn continue_from(&mut self, state: MigrationStatus) -> Result<(), CommandError> {
        match &self.job {
            Some(Job { kind: Kind::Outgoing(control), .. })
                if state == MigrationStatus::PreSwitchover && self.status() == state =>
            {
                control.send(SourceControl::Continue);
                Ok(())
            }
            _ => Err(CommandError::new(format!("Migration not in expected state: {}", self.status()))),
        }
    }

    fn reconfigure(&mut self, settings: &Settings) -> Result<(), CommandError> {
        match &self.job {
            Some(Job { kind: Kind::Incoming(control, _), .. }) => {
                control.reconfigure(settings.destination(&self.machine_type)).map_err(|error| failed(&error))
            }
            _ => Err(CommandError::in_progress()),
        }
    }

    fn apply(&mut self, settings: &Settings) {
        if let Some(Job { kind: Kind::Outgoing(control), .. }) = &self.job {
            control.send(SourceControl::Set(Box::new(settings.parameters.clone())));
        }
    }

    fn stop(&mut self) -> Result<(), CommandError> {
        self.guest.pause().map_err(|error| CommandError::new(error.to_string()))
    }

    fn cont(&mut self) -> Result<(), CommandError> {
        if self.status() == MigrationStatus::Doubt {
            let remedy = "`migrate` with `resume` asks it";
            return Err(CommandError::new(format!("The guest may run at the destination; {remedy}")));
        }
        self.guest.cont()
    }

    fn quit(&mut self) {
        self.guest.emit(MonitorEvent::Quit);
        self.ended = Some(Ended::Quit);
    }

    fn take_events(&mut self) -> Vec<MonitorEvent> {
        let mut events = Vec::new();
        while let Some(notice) = self.inbox.next() {
            match notice {
                Notice::Event(event) => events.push(event),
                Notice::IncomingFailed(reason) => {
                    self.ended.get_or_insert(Ended::IncomingFailed(reason));
                }
            }
        }
        events
    }

    fn keep_descriptor(&mut self, name: &str, descriptor: OwnedFd) -> Result<(), CommandError> {
        self.descriptors.insert(name.to_owned(), descriptor);
        Ok(())
    }

    fn close_descriptor(&mut self, name: &str) -> Result<(), CommandError> {
        let closed = self.descriptors.remove(name).map(drop);
        closed.ok_or_else(|| CommandError::unknown_descriptor(name))
    }

    fn start_postcopy(&mut self) -> Result<(), CommandError> {
        match &self.job {
            Some(Job { kind: Kind::Outgoing(control), .. }) => {
                control.send(SourceControl::StartPostcopy);
                Ok(())
            }
            _ => Err(CommandError::new("Postcopy must be started after migration has been started")),
        }
    }

    fn pause(&mut self) -> Result<(), CommandError> {
        if let Some(job) = &self.job {
            job.disconnect();
        }
        Ok(())
    }

    fn recover(&mut self, uri: &Uri) -> Result<(), CommandError> {
        match &self.job {
            Some(Job { kind: Kind::Incoming(control, progress), .. })
                if self.status() == MigrationStatus::PostcopyPaused =>
            {
                let address = control.recover(uri).map_err(|error| failed(&error))?;
                progress.listens(&address);
                Ok(())
            }
            _ => Err(CommandError::new("Migrate recover can only be run when postcopy is paused.")),
        }
    }

    fn force_run(&mut self) -> Result<(), CommandError> {
        match &self.job {
            Some(Job { kind: Kind::Outgoing(control), .. }) if self.is_interrupted() => {
                control.send(SourceControl::ForceRun);
                Ok(())
            }
            Some(Job { kind: Kind::Incoming(control, _), .. }) if self.status() == MigrationStatus::Loaded => {
                control.force_run();
                Ok(())
            }
            _ => Err(CommandError::undecided("x-force-run")),
        }
    }

    fn abandon(&mut self) -> Result<(), CommandError> {
        match &self.job {
            Some(Job { kind: Kind::Outgoing(control), .. }) if self.is_interrupted() => {
                control.send(SourceControl::Abandon);
                Ok(())
            }
            _ => Err(CommandError::undecided("x-abandon")),
        }
    }

    fn rewind(&mut self) -> Result<u64, CommandError> {
        if !self.statistics().status.is_final() {
            return Err(CommandError::new("the guest cannot be rewound during a migration"));
        }
        self.guest.rewind()
    }

    fn yank(&mut self) -> Result<(), CommandError> {
        match &self.job {
            Some(job) if self.can_yank() => {
                job.disconnect();
                Ok(())
            }
            _ => Err(CommandError::new("Instance not found")),
        }
    }

    fn can_yank(&self) -> bool {
        !self.status().is_final()
    }

    fn announce(&mut self, announcement: &Announcement) -> Result<(), CommandError> {
        self.guest.announce_again(announcement)
    }

    fn measure_dirty_rate(&mut self, request: &DirtyRateRequest) -> Result<(), CommandError> {
        if self.measurement.as_ref().is_some_and(Measurement::is_measuring) {
            return Err(CommandError::new("the dirty rate is already being measured."));
        }
        let memory = self.guest.idle_memory()?;
        self.measurement = Some(Measurement::start(memory, request, self.created.elapsed())?);
        Ok(())
    }

    fn dirty_rate(&self) -> DirtyRate {
        self.measurement.as_ref().map(Measurement::result).unwrap_or_default()
    }

    fn snapshot(&mut self, request: SnapshotRequest) -> Result<(), CommandError> {
        self.start_job(request)
    }

    fn jobs(&self) -> Vec<JobInfo> {
        self.jobs.list()
    }

    fn dismiss_job(&mut self, id: &str) -> Result<(), CommandError> {
        self.jobs.dismiss(id)
    }

    fn human(&mut self, line: &str, settings: &Settings) -> Result<String, CommandError> {
        Ok(self.execute_line(line, settings))
    }
}

fn source_config(to: &Address, settings: &Settings) -> SourceConfig {
    SourceConfig {
        capabilities: settings.capabilities_for(&to.uri),
        can_answer: to.can_answer,
        parameters: settings.parameters.clone(),
        #[cfg(feature = "tls")]
        objects: settings.objects.clone(),
        release: settings.release,
        // 7.2 rejects it, and its machine types switch it off (`hw_compat_9_2` in QEMU's `hw/core/machine.c`).
        switchover_start: settings.release > QemuRelease::V7_2,
        ..SourceConfig::new(0, random_session())
    }
}

fn failed(error: &MigrationError) -> CommandError {
    CommandError::new(error.reason())
}
