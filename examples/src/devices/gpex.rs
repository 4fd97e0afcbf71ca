//! The root device of a generic PCI Express bus: QEMU's section "gpex_root".
//!
//! The fields follow QEMU's `vmstate_gpex_root` (`hw/pci-host/gpex.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::pci::{PciDevice, identities};

/// The root device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "gpex_root")]
pub struct GpexRoot {
    /// The PCI device.
    #[vmstate(name = "parent_obj")]
    #[default(PciDevice::new(&identities::GPEX_ROOT))]
    pub pci: PciDevice,
}
