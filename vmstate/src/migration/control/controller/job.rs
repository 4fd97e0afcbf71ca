//! The thread of a migration.

use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::super::super::drive::{
    Host, Incoming, IncomingControl, MigrationError, Outgoing, OutgoingControl, check_output,
};
use super::super::super::source::{SourceConfig, SourceControl};
use super::super::super::{Capability, Event, MigrationStatus, Statistics, Uri};
use super::super::event::MonitorEvent;
use super::address::Address;
use super::guest::Guest;
use super::notice::Notice;

/// A migration with its thread.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) kind: Kind,
    /// `None` once it was waited for.
    thread: Option<JoinHandle<()>>,
}

/// The direction.
#[derive(Debug)]
pub(super) enum Kind {
    Outgoing(OutgoingControl),
    Incoming(IncomingControl, Progress),
}

/// The state and the error of a destination.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<Mutex<Statistics>>);

impl Progress {
    fn update(&self, change: impl FnOnce(&mut Statistics)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Records the address at which the destination listens, if it is a socket.
    pub(super) fn listens(&self, address: &Uri) {
        let socket = matches!(address, Uri::Tcp(_) | Uri::Unix(_) | Uri::Vsock { .. }).then(|| address.clone());
        self.update(|statistics| statistics.socket_address = socket);
    }

    fn observe(&self, event: &Event) {
        self.update(|statistics| match event {
            Event::Status(status) => {
                statistics.status = *status;
                if status.is_final() {
                    statistics.socket_address = None;
                }
            }
            Event::Ended { reason, .. } => statistics.error.clone_from(reason),
            _ => {}
        });
    }
}

/// A migration that has started: its commands, and the error of an address that needs no peer. It has failed then.
type Started = (OutgoingControl, Option<String>);

impl Job {
    /// Starts to send the guest. Returns the error of an address that needs no peer, too: the migration has failed then, with
    /// its events, and QEMU answers the command with the error (`qmp_migrate` in `migration/migration.c`).
    pub(super) fn send<H>(
        guest: &Guest<H>,
        to: Address,
        config: SourceConfig,
    ) -> Result<(Self, Option<String>), MigrationError>
    where
        H: Host + Send + 'static,
    {
        let (started, control) = mpsc::sync_channel(1);
        let guest = guest.clone();
        let thread = thread::spawn(move || run_outgoing(guest, &to, config, &started));
        match control.recv() {
            Ok(Ok((control, unusable))) => Ok((Self { kind: Kind::Outgoing(control), thread: Some(thread) }, unusable)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(MigrationError::new("migration", &"its thread has panicked")),
        }
    }

    /// Waits for a guest. If it does not arrive, the program ends if `exit_on_error` is set.
    pub(super) fn receive<H>(guest: &Guest<H>, incoming: Incoming, from: Address, exit_on_error: bool) -> Self
    where
        H: Host + Send + 'static,
    {
        let (control, progress) = (incoming.control(), Progress::default());
        progress.listens(incoming.address());
        // As soon as it listens, and not when its thread is scheduled.
        let listens = Event::Status(MigrationStatus::Setup);
        progress.observe(&listens);
        forward(guest, &listens);
        let (guest, observer) = (guest.clone(), progress.clone());
        let thread = thread::spawn(move || {
            let failed = run_incoming(guest.clone(), incoming, &observer).err();
            if let Some(error) = failed.filter(|_| exit_on_error) {
                guest.notify(Notice::IncomingFailed(error.reason().to_owned()));
            }
            drop(from);
        });
        Self { kind: Kind::Incoming(control, progress), thread: Some(thread) }
    }

    pub(super) fn statistics(&self) -> Statistics {
        match &self.kind {
            Kind::Outgoing(control) => control.statistics(),
            Kind::Incoming(control, progress) => {
                let statistics = progress.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Statistics { blocktime: control.blocktime(), ..statistics }
            }
        }
    }

    pub(super) fn cancel(&self) {
        match &self.kind {
            Kind::Outgoing(control) => control.send(SourceControl::Cancel),
            Kind::Incoming(control, _) => control.cancel(),
        }
    }

    pub(super) fn disconnect(&self) {
        match &self.kind {
            Kind::Outgoing(control) => control.disconnect(),
            Kind::Incoming(control, _) => control.disconnect(),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the thread of a migration that has reported its end, and that has nothing left to do but to end. Returns
    /// whether the migration has ended.
    pub(super) fn end(&mut self) -> bool {
        if self.statistics().status.is_final()
            && let Some(thread) = self.thread.take()
        {
            // A panic ends it, too.
            let _ = thread.join();
        }
        self.has_ended()
    }
}

fn run_outgoing<H: Host>(
    mut guest: Guest<H>,
    to: &Address,
    config: SourceConfig,
    started: &mpsc::SyncSender<Result<Started, MigrationError>>,
) {
    let observer = guest.clone();
    // Nothing else runs the guest of a file or a program.
    let may_return = matches!(to.uri, Uri::File { .. } | Uri::Exec(_));
    let moves = !config.capabilities.has(Capability::BackgroundSnapshot);
    let mut outgoing = match Outgoing::start_with(&mut guest, &to.uri, config) {
        Ok(outgoing) => outgoing,
        // The receiver waits for it.
        Err(error) => return drop(started.send(Err(error))),
    };
    let (control, unusable) = (outgoing.control(), check_output(&to.uri).err());
    if unusable.is_none() {
        let _ = started.send(Ok((control.clone(), None)));
    }
    for event in outgoing.events() {
        if moves && event == Event::Status(MigrationStatus::Completed) {
            observer.has_moved(may_return);
        }
        forward(&observer, &event);
    }
    if let Some(error) = unusable {
        let _ = started.send(Ok((control, Some(error.to_string()))));
    }
}

fn run_incoming<H: Host>(mut guest: Guest<H>, incoming: Incoming, progress: &Progress) -> Result<(), MigrationError> {
    let observer = guest.clone();
    let loaded = incoming.run_with_events(&mut guest, |event| {
        progress.observe(&event);
        match event {
            // It was reported when the migration began to listen.
            Event::Status(MigrationStatus::Setup) => {}
            // A client that sees the end may ask for its reason, which the next event has.
            Event::Status(status) if status.is_final() => {}
            Event::Ended { status, .. } => forward(&observer, &Event::Status(status)),
            event => forward(&observer, &event),
        }
    });
    loaded.map(drop)
}

/// Passes an event on. STOP and RESUME come from the guest itself: it may be stopped already.
fn forward<H: Host>(guest: &Guest<H>, event: &Event) {
    match MonitorEvent::from_migration(event) {
        None | Some(MonitorEvent::Stop | MonitorEvent::Resume) => {}
        Some(event) => guest.notify(Notice::Event(event)),
    }
}
