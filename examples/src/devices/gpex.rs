//! The device at the root of a generic PCI Express bus: QEMU's section "gpex_root".
//!
//! The fields are those of QEMU's `vmstate_gpex_root` (`hw/pci-host/gpex.c`).

use vmstate::prelude::*;

use super::pci::PciDevice;

/// The root.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "gpex_root")]
pub struct GpexRoot {
    /// The device on the bus.
    #[vmstate(name = "parent_obj")]
    pub pci: PciDevice,
}
