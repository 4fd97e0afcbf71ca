//! The snapshots that clients save, load and delete.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::super::drive::Host;
use super::super::super::{Capabilities, Capability, Mode};
use super::super::error::{CommandError, IN_PROGRESS, shortened};
use super::super::job::{SnapshotAction, SnapshotRequest};
use super::super::operations::RunState;
use super::Controller;
use super::guest::Guest;
use crate::snapshot::{Details, SnapshotInfo, Store, StoreError};

/// The store of a guest.
#[derive(Clone)]
pub(super) struct Snapshots {
    /// The name by which commands select the store, in the place of a block device.
    node: String,
    store: Arc<dyn Store + Send + Sync>,
    /// The snapshot from which the guest has continued.
    current: Arc<Mutex<Option<SnapshotInfo>>>,
}

impl fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots").field("node", &self.node).finish_non_exhaustive()
    }
}

impl<H: Host + Send + 'static> Controller<H> {
    /// Lets clients save, load and delete snapshots in this store, with `snapshot-save`, `savevm` and the commands like them.
    /// Clients select it by the name `node`, in the place of a block device. Names of snapshots are only compared with the
    /// names in the store.
    pub fn set_store(&mut self, node: impl Into<String>, store: impl Store + Send + Sync + 'static) {
        self.snapshots = Some(Snapshots { node: node.into(), store: Arc::new(store), current: Arc::default() });
    }

    /// Starts the job of a command.
    pub(super) fn start_job(&mut self, request: SnapshotRequest) -> Result<(), CommandError> {
        let ready = self.check_idle(request.action);
        let (guest, snapshots) = (self.guest.clone(), self.snapshots.clone());
        let (id, action) = (request.job.clone(), request.action);
        self.jobs.start(id, action, move || ready.and_then(|()| run(&guest, snapshots.as_ref(), &request)))
    }

    /// Checks that no migration uses the guest.
    pub(super) fn check_idle(&self, action: SnapshotAction) -> Result<(), String> {
        if action == SnapshotAction::Delete || self.status().is_final() { Ok(()) } else { Err(IN_PROGRESS.to_owned()) }
    }
}

/// Runs a job.
fn run<H: Host>(guest: &Guest<H>, snapshots: Option<&Snapshots>, request: &SnapshotRequest) -> Result<(), String> {
    let snapshots = select(snapshots, &request.devices)?;
    let tag = &request.tag;
    match request.action {
        SnapshotAction::Save => {
            if snapshots.find(tag)?.is_some() {
                return Err(format!("Snapshot '{}' already exists in one or more devices", shortened(tag)));
            }
            snapshots.check_node(request.vmstate.as_deref())?;
            snapshots.save(guest, Details::new(tag))
        }
        SnapshotAction::Load => {
            snapshots.existing(tag)?;
            snapshots.check_node(request.vmstate.as_deref())?;
            snapshots.load(guest, tag, request.capabilities)
        }
        SnapshotAction::Delete => snapshots.delete(tag),
    }
}

/// Returns the store if it is the only device.
fn select<'s>(snapshots: Option<&'s Snapshots>, devices: &[String]) -> Result<&'s Snapshots, String> {
    let unknown = |device: &str| format!("No block device node '{}'", shortened(device));
    let first = devices.first().ok_or_else(|| "At least one device is required for snapshot".to_owned())?;
    let snapshots = snapshots.ok_or_else(|| unknown(first))?;
    match devices.iter().find(|device| **device != snapshots.node) {
        Some(device) => Err(unknown(device)),
        None => Ok(snapshots),
    }
}

fn text(error: &StoreError) -> String {
    error.to_string()
}

impl Snapshots {
    fn check_node(&self, node: Option<&str>) -> Result<(), String> {
        match node {
            Some(node) if node != self.node => {
                Err(format!("vmstate block device '{}' does not exist", shortened(node)))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn list(&self) -> Result<Vec<SnapshotInfo>, String> {
        self.store.list().map_err(|error| text(&error))
    }

    /// Returns the snapshot of this name. Unlike stores, commands do not accept ids: a name may be the id of another one.
    fn find(&self, tag: &str) -> Result<Option<SnapshotInfo>, String> {
        Ok(self.list()?.into_iter().rev().find(|snapshot| snapshot.name == tag))
    }

    fn existing(&self, tag: &str) -> Result<SnapshotInfo, String> {
        let missing = || format!("Snapshot '{}' does not exist in one or more devices", shortened(tag));
        self.find(tag)?.ok_or_else(missing)
    }

    /// Saves the guest. The parent is the snapshot from which it has continued, if that exists.
    pub(super) fn save<H: Host>(&self, guest: &Guest<H>, details: Details) -> Result<(), String> {
        if let Some(reason) = guest.with_host(|host| host.blockers(Mode::Normal)).into_iter().next() {
            return Err(reason);
        }
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let parent =
            current.filter(|parent| self.list().is_ok_and(|list| list.iter().any(|found| found.is_same(parent))));
        let details = match parent {
            Some(parent) => details.parent(parent.id),
            None => details,
        };
        let saved = guest.while_stopped(RunState::SaveVm, |host| host.save_snapshot(&*self.store, details))?;
        self.continue_from(saved);
        Ok(())
    }

    /// Loads the guest.
    pub(super) fn load<H: Host>(&self, guest: &Guest<H>, tag: &str, capabilities: Capabilities) -> Result<(), String> {
        self.existing(tag)?;
        // Snapshots that QEMU 11.1 saves with the capability have no places, either; 10.0 does not save them.
        if capabilities.has(Capability::MappedRam) {
            return Err("Capability mapped-ram is on, but received capability is off".to_owned());
        }
        let loaded = guest.while_stopped(RunState::RestoreVm, |host| host.load_snapshot(&*self.store, tag))?;
        self.continue_from(loaded);
        Ok(())
    }

    pub(super) fn delete(&self, tag: &str) -> Result<(), String> {
        self.existing(tag)?;
        self.store.delete(tag).map(drop).map_err(|error| text(&error))
    }

    fn continue_from(&self, snapshot: SnapshotInfo) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
    }
}
