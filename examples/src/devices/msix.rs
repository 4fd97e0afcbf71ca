//! MSI-X: QEMU's "msix", a field of PCI devices with message-signaled interrupts.
//!
//! Follows QEMU's `vmstate_msix` (`hw/pci/msix.c`), whose info `msix state` writes the table by hand.

use vmstate::prelude::*;

/// The maximum number of vectors.
const MAX_VECTORS: usize = 2048;
/// The size of a table entry: address, data and control.
const ENTRY: usize = 16;

/// The MSI-X state of a device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "msix", version = 0)]
pub struct Msix {
    /// The table and the pending bits.
    #[vmstate(name = "msix", opaque = "msix state")]
    pub state: MsixState,
}

/// The table and the pending bits.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "msix state")]
pub struct MsixState {
    /// The number of vectors.
    #[vmstate(skip = "fixed when the device is built")]
    pub vectors: u16,
    /// The table.
    #[vmstate(buffer(len = vectors, multiply = 16, max = MAX_VECTORS * ENTRY))]
    pub table: Vec<u8>,
    /// The size of the pending bits in bytes.
    #[vmstate(skip = "follows from the number of messages")]
    pub pending_bytes: u16,
    /// The pending bits.
    #[vmstate(buffer(len = pending_bytes, max = MAX_VECTORS / 8))]
    pub pending: Vec<u8>,
}

impl Msix {
    /// Creates a table of `vectors` masked entries. A device without vectors sends nothing.
    #[must_use]
    pub fn new(vectors: u16) -> Self {
        Self { state: MsixState::new(vectors) }
    }
}

impl MsixState {
    /// Creates a table of `vectors` masked entries.
    #[must_use]
    pub fn new(vectors: u16) -> Self {
        let pending_bytes = vectors.div_ceil(8);
        let table = vec![0; usize::from(vectors) * ENTRY];
        Self { vectors, table, pending_bytes, pending: vec![0; pending_bytes.into()] }
    }
}
