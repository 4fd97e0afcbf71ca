//! A guest for tests of snapshots.

use vmstate::machine::{LoadOptions, Machine, SaveOptions};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;
use vmstate::snapshot::{Details, SnapshotInfo, Store, StoreError};

/// A device.
#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "serial", version = 1)]
pub struct Serial {
    /// The number of the guest.
    pub divider: u16,
}

/// A guest with one block of memory and one device.
#[derive(Debug, PartialEq)]
pub struct Guest {
    /// The memory.
    pub memory: [VecBlock; 1],
    /// The device.
    pub serial: Serial,
}

impl Guest {
    /// Creates a guest with 256 KiB of memory whose whole state depends on `number`.
    #[must_use]
    pub fn new(number: u8) -> Self {
        Self::with_memory(number, 256 << 10)
    }

    /// Creates a guest with `size` bytes of memory whose whole state depends on `number`.
    #[must_use]
    pub fn with_memory(number: u8, size: usize) -> Self {
        let mut bytes = vec![0; size];
        bytes.chunks_mut(8192).for_each(|chunk| chunk[17] = number);
        Self { memory: [VecBlock::new("ram", bytes)], serial: Serial { divider: number.into() } }
    }

    /// Returns the machine with the memory and the device.
    ///
    /// # Panics
    /// If the machine rejects a name.
    pub fn machine(&mut self) -> Machine<'_> {
        let mut machine = Machine::with_type("board");
        machine.register_ram(PageSize::DEFAULT, &mut self.memory[..]).expect("a new name");
        machine.register("serial", &mut self.serial).expect("a new name");
        machine
    }

    /// Saves the guest.
    ///
    /// # Errors
    /// Returns the error of the store.
    pub fn save(&mut self, store: &dyn Store, details: impl Into<Details>) -> Result<SnapshotInfo, StoreError> {
        self.machine().save_snapshot(store, details, SaveOptions::new())
    }

    /// Loads a snapshot.
    ///
    /// # Errors
    /// Returns the error of the store, or of the load.
    pub fn load(&mut self, store: &dyn Store, key: &str) -> Result<SnapshotInfo, StoreError> {
        self.machine().load_snapshot(store, key, LoadOptions::new()).map(|(snapshot, _)| snapshot)
    }
}
