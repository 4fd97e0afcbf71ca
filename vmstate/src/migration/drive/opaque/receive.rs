//! Receiving a guest that does not run here.

use std::sync::Arc;

use super::{OpaqueGuest, load_options};
use crate::machine::{LoadReport, Machine};
use crate::migration::drive::MigrationError;
use crate::migration::drive::host::{Host, HostError, HostMemory};
use crate::migration::drive::incoming::{Incoming, result};
use crate::migration::status::{Event, MigrationStatus};
use crate::ram::AnnouncedMemory;
use crate::stream::Configuration;

/// The state of the source after a guest was received and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// The source has given the guest up, after it was kept.
    Confirmed,
    /// The source has given the guest up without waiting: it has not opened the return path (QEMU's capability
    /// `return-path`).
    Unconfirmed,
    /// The connection was lost after the guest was kept: the reason. The source may not know that, and run the guest.
    InDoubt(String),
}

impl OpaqueGuest {
    /// Receives the guest from a source, and calls `keep` when it has arrived. A source with a return path completes the
    /// migration after `keep` has returned, so `keep` should save the guest durably.
    ///
    /// The capability `postcopy-ram` of the source is declined, before its guest is stopped. A connection
    /// that is lost after `keep` ends the migration, although a source that uses this library could connect again. Options of
    /// [`load_options`](Incoming::load_options) are ignored.
    ///
    /// # Errors
    /// Returns an error if the migration fails, or `keep` returns an error. The guest then continues at its source, if
    /// that has opened the return path.
    pub fn receive(
        &mut self,
        incoming: Incoming,
        keep: impl FnMut(&mut Self) -> Result<(), HostError>,
    ) -> Result<Kept, MigrationError> {
        self.receive_with_events(incoming, keep, |_| {})
    }

    /// Receives the guest as [`receive`](Self::receive) does, and calls `on_event` with each event.
    ///
    /// # Errors
    /// See [`receive`](Self::receive).
    pub fn receive_with_events(
        &mut self,
        incoming: Incoming,
        keep: impl FnMut(&mut Self) -> Result<(), HostError>,
        on_event: impl FnMut(Event),
    ) -> Result<Kept, MigrationError> {
        let memory = self.announced();
        let mut receiver = Receiver { guest: self, memory, keep, kept: false };
        let engine = incoming.load_options(load_options()).run_to_end(&mut receiver, on_event);
        match engine.status() {
            MigrationStatus::Completed if engine.has_return_path() => Ok(Kept::Confirmed),
            MigrationStatus::Completed => Ok(Kept::Unconfirmed),
            MigrationStatus::Loaded if receiver.kept => {
                Ok(Kept::InDoubt(engine.error().unwrap_or("the connection is lost").to_owned()))
            }
            _ => result(&engine).map(|()| Kept::Unconfirmed),
        }
    }
}

/// The host of a guest that is received.
struct Receiver<'g, K> {
    guest: &'g mut OpaqueGuest,
    memory: Arc<AnnouncedMemory>,
    keep: K,
    kept: bool,
}

impl<K: FnMut(&mut OpaqueGuest) -> Result<(), HostError>> Host for Receiver<'_, K> {
    fn configuration(&self) -> Configuration {
        Configuration::default()
    }

    fn memory(&self) -> HostMemory {
        HostMemory::announced(Arc::clone(&self.memory))
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        use_machine(&mut self.guest.machine);
    }

    fn loaded(&mut self, report: &LoadReport) -> Result<(), HostError> {
        self.guest.accept(&self.memory, report)?;
        (self.keep)(self.guest)?;
        self.kept = true;
        Ok(())
    }

    fn is_running(&self) -> bool {
        false
    }

    fn stop(&mut self) -> Result<(), HostError> {
        Ok(())
    }

    /// The guest stays stopped.
    fn resume(&mut self) -> Result<(), HostError> {
        Ok(())
    }
}
