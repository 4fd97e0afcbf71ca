//! Snapshots of a [`Host`].

use super::{Host, HostMemory};
use crate::machine::{LoadOptions, LoadReport, Machine, SaveOptions};
use crate::snapshot::{Details, SnapshotInfo, Store, StoreError, StoreErrorKind};
use crate::stream::Configuration;

/// Saves the memory and the devices of a host.
pub(super) fn save<H: Host + ?Sized>(
    host: &mut H,
    store: &dyn Store,
    details: Details,
) -> Result<SnapshotInfo, StoreError> {
    let (parts, options) = (Parts::of(host), host.save_options());
    let details = details.guest_clock(host.guest_clock());
    let mut saved = None;
    host.with_machine(&mut |machine| {
        saved = Some(save_machine(machine, parts.clone(), store, details.clone(), options.clone()));
    });
    saved.unwrap_or_else(|| Err(without_machine("save")))
}

fn save_machine(
    machine: &mut Machine<'_>,
    parts: Parts,
    store: &dyn Store,
    details: Details,
    options: SaveOptions,
) -> Result<SnapshotInfo, StoreError> {
    parts.add_to(machine)?;
    machine.save_snapshot(store, details, options)
}

/// Loads the memory and the devices of a host.
pub(super) fn load<H: Host + ?Sized>(host: &mut H, store: &dyn Store, key: &str) -> Result<SnapshotInfo, StoreError> {
    let (parts, mut loaded) = (Parts::of(host), None);
    host.with_machine(&mut |machine| loaded = Some(load_machine(machine, parts.clone(), store, key)));
    let (snapshot, report) = loaded.unwrap_or_else(|| Err(without_machine("load")))?;
    host.loaded(&report).map_err(|error| {
        let message = format!("snapshot `{}` was loaded, but cannot run here", snapshot.name.escape_debug());
        StoreError::new(StoreErrorKind::NotRunnable, message).with_source(error)
    })?;
    Ok(snapshot)
}

fn load_machine(
    machine: &mut Machine<'_>,
    parts: Parts,
    store: &dyn Store,
    key: &str,
) -> Result<(SnapshotInfo, LoadReport), StoreError> {
    parts.add_to(machine)?;
    machine.load_snapshot(store, key, LoadOptions::new())
}

/// The parts of a machine that hosts provide separately.
#[derive(Clone)]
struct Parts {
    configuration: Configuration,
    memory: HostMemory,
}

impl Parts {
    fn of<H: Host + ?Sized>(host: &H) -> Self {
        Self { configuration: host.configuration(), memory: host.memory() }
    }

    fn add_to(self, machine: &mut Machine<'_>) -> Result<(), StoreError> {
        machine.set_configuration(self.configuration);
        let added = machine.register_ram(self.memory.page_size, self.memory.blocks);
        added.map(drop).map_err(|error| {
            StoreError::new(StoreErrorKind::Unsupported, "cannot register the memory").with_source(error)
        })
    }
}

fn without_machine(operation: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unsupported, format!("cannot {operation} the guest: it has ended"))
}
