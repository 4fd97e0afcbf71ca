//! The i440FX chipset: QEMU's sections "I440FX" and "PIIX3". Its power management is in [`piix4_pm`](super::piix4_pm).
//!
//! The fields follow QEMU's `vmstate_i440fx` (`hw/pci-host/i440fx.c`) and `vmstate_piix3` and its subsection
//! (`hw/isa/piix.c`, in 7.2 `hw/isa/piix3.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::pci::{PciDevice, identities};

/// The host bridge.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "I440FX", version = 3, minimum_version = 3)]
pub struct I440Fx {
    /// The PCI device.
    #[vmstate(name = "parent_obj")]
    #[default(PciDevice::new(&identities::I440FX))]
    pub pci: PciDevice,
    /// Padding of the former SMM state.
    #[vmstate(name = "unused")]
    pub was_smm_enabled: Unused<1>,
}

/// The ISA bridge.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "PIIX3", version = 3, minimum_version = 2)]
pub struct Piix3 {
    /// The PCI device.
    #[vmstate(name = "dev")]
    #[default(PciDevice::new(&identities::PIIX3))]
    pub pci: PciDevice,
    /// The levels of the four PCI interrupt lines.
    #[vmstate(since = 3)]
    pub pci_irq_levels_vmstate: [i32; 4],
    /// The reset control register.
    #[vmstate(subsection("PIIX3/rcr", needed = |piix| piix.rcr != 0))]
    pub rcr: u8,
}
