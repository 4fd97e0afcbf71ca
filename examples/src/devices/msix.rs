//! Interrupts as messages: QEMU's "msix", which is a field of the PCI devices that have them.
//!
//! The field is that of QEMU's `vmstate_msix` (`hw/pci/msix.c`), whose info `msix state` writes the table by hand.

use vmstate::prelude::*;

/// The most messages that a device can have.
const MAX_VECTORS: usize = 2048;
/// The bytes of each: address, data, and whether it is off.
const ENTRY: usize = 16;

/// The messages of a device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "msix", version = 0)]
pub struct Msix {
    /// All of it.
    #[vmstate(name = "msix", opaque = "msix state")]
    pub state: MsixState,
}

/// The messages, and which of them are pending.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "msix state")]
pub struct MsixState {
    /// How many messages there are.
    #[vmstate(skip = "fixed when the device is built")]
    pub vectors: u16,
    /// The messages.
    #[vmstate(buffer(len = vectors, multiply = 16, max = MAX_VECTORS * ENTRY))]
    pub table: Vec<u8>,
    /// How many bytes have a bit for each.
    #[vmstate(skip = "follows from the number of messages")]
    pub pending_bytes: u16,
    /// Which are pending.
    #[vmstate(buffer(len = pending_bytes, max = MAX_VECTORS / 8))]
    pub pending: Vec<u8>,
}

impl Msix {
    /// So many messages, all off. A device without any has none of it on the wire.
    #[must_use]
    pub fn new(vectors: u16) -> Self {
        Self { state: MsixState::new(vectors) }
    }
}

impl MsixState {
    /// So many messages, all off.
    #[must_use]
    pub fn new(vectors: u16) -> Self {
        let pending_bytes = vectors.div_ceil(8);
        let table = vec![0; usize::from(vectors) * ENTRY];
        Self { vectors, table, pending_bytes, pending: vec![0; pending_bytes.into()] }
    }
}
