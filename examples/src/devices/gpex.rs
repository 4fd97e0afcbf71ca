//! The root device of a generic PCI Express bus: QEMU's section "gpex_root".
//!
//! The fields follow QEMU's `vmstate_gpex_root` (`hw/pci-host/gpex.c`).

use vmstate::prelude::*;

use super::pci::PciDevice;

/// The root device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "gpex_root")]
pub struct GpexRoot {
    /// The PCI device.
    #[vmstate(name = "parent_obj")]
    pub pci: PciDevice,
}
