//! A guest with memory of several chunks.

use vmstate::machine::{LoadOptions, SaveOptions};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;
use vmstate::snapshot::{Details, SnapshotInfo, Store, StoreError};

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "serial", version = 1)]
struct Serial {
    divider: u16,
}

/// A guest with 6 MiB of memory.
#[derive(Debug, PartialEq)]
pub(crate) struct Guest {
    memory: [VecBlock; 1],
    serial: Serial,
}

impl Guest {
    /// Creates a guest whose whole state depends on `number`.
    pub(crate) fn new(number: u8) -> Self {
        let mut bytes = vec![0; 6 << 20];
        bytes.chunks_mut(8192).for_each(|chunk| chunk[17] = number);
        Self { memory: [VecBlock::new("ram", bytes)], serial: Serial { divider: number.into() } }
    }

    fn machine(&mut self) -> Machine<'_> {
        let mut machine = Machine::with_type("board");
        machine.register_ram(PageSize::DEFAULT, &mut self.memory[..]).unwrap();
        machine.register("serial", &mut self.serial).unwrap();
        machine
    }

    /// Saves the guest of this number.
    pub(crate) fn save(number: u8, store: &dyn Store, details: impl Into<Details>) -> Result<SnapshotInfo, StoreError> {
        Self::new(number).machine().save_snapshot(store, details, SaveOptions::new())
    }

    /// Loads a snapshot, and returns the number of its guest.
    pub(crate) fn load(store: &dyn Store, key: &str) -> Result<u8, StoreError> {
        let mut guest = Self::new(0);
        guest.machine().load_snapshot(store, key, LoadOptions::new())?;
        let number = u8::try_from(guest.serial.divider).unwrap();
        assert!(guest == Self::new(number), "the memory belongs to the device");
        Ok(number)
    }
}
