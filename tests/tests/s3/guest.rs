//! A guest with memory of several chunks.

use vmstate::snapshot::{Details, SnapshotInfo, Store, StoreError};
use vmstate_tests::saved_guest::Guest;

/// The size of three chunks.
const SIZE: usize = 6 << 20;

/// Saves the guest of this number.
pub(crate) fn save(number: u8, store: &dyn Store, details: impl Into<Details>) -> Result<SnapshotInfo, StoreError> {
    Guest::with_memory(number, SIZE).save(store, details)
}

/// Loads a snapshot, and returns the number of its guest.
pub(crate) fn load(store: &dyn Store, key: &str) -> Result<u8, StoreError> {
    let mut guest = Guest::with_memory(0, SIZE);
    guest.load(store, key)?;
    let number = u8::try_from(guest.serial.divider).unwrap();
    assert!(guest == Guest::with_memory(number, SIZE), "the memory belongs to the device");
    Ok(number)
}
