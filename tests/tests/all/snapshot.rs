//! Named snapshots.

mod folder;
mod images;
mod incremental;
mod processes;
mod stores;
mod threads;

use std::path::Path;

use vmstate::machine::{LoadOptions, SaveOptions};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;
use vmstate::snapshot::{Details, SnapshotInfo, Store, StoreError};

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "serial", version = 1)]
struct Serial {
    divider: u16,
}

/// A guest with 256 KiB of memory.
#[derive(Debug, PartialEq)]
struct Guest {
    memory: [VecBlock; 1],
    serial: Serial,
}

impl Guest {
    /// Creates a guest whose whole state depends on `number`.
    fn new(number: u8) -> Self {
        let mut bytes = vec![0; 256 * 1024];
        bytes.chunks_mut(8192).for_each(|chunk| chunk[17] = number);
        Self { memory: [VecBlock::new("ram", bytes)], serial: Serial { divider: number.into() } }
    }

    fn machine(&mut self) -> Machine<'_> {
        let mut machine = Machine::with_type("board");
        machine.register_ram(PageSize::DEFAULT, &mut self.memory[..]).unwrap();
        machine.register("serial", &mut self.serial).unwrap();
        machine
    }

    fn save(&mut self, store: &dyn Store, details: impl Into<Details>) -> Result<SnapshotInfo, StoreError> {
        self.machine().save_snapshot(store, details, SaveOptions::new())
    }

    fn load(&mut self, store: &dyn Store, key: &str) -> Result<SnapshotInfo, StoreError> {
        self.machine().load_snapshot(store, key, LoadOptions::new()).map(|(snapshot, _)| snapshot)
    }
}

/// Returns the ids and names of all snapshots.
fn names(store: &dyn Store) -> Vec<(String, String)> {
    store.list().unwrap().into_iter().map(|snapshot| (snapshot.id, snapshot.name)).collect()
}

/// Returns the names of the files in a folder, sorted.
fn files(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
