//! What all PCI devices have in common, and what they are on: QEMU's "PCIDevice", which is the first field of each, and
//! its sections "PCIBUS" and "PCIHost".
//!
//! The fields are those of QEMU's `vmstate_pci_device` and `vmstate_pcibus` (`hw/pci/pci.c`) and of `vmstate_pcihost`
//! (`hw/pci/pci_host.c`); `pci config` and `pci irq state` are infos of its own. (QEMU's also refuses another
//! configuration space where the guest cannot have changed it.)

use vmstate::prelude::*;

/// The bytes of a conventional device's configuration space.
const CONVENTIONAL: usize = 256;
/// The bytes of a PCI Express device's.
const EXPRESS: usize = 4096;

/// A device on a bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "PCIDevice", version = 2)]
pub struct PciDevice {
    /// The version of the state; 2 since there are interrupts in it.
    #[vmstate(le)]
    pub version_id: i32,
    /// The configuration space, of a conventional device.
    #[vmstate(buffer, opaque = "pci config", when = |device| !device.express)]
    pub config: [u8; CONVENTIONAL],
    /// The configuration space, of a PCI Express device.
    #[vmstate(name = "config", buffer, opaque = "pci config", when = |device| device.express)]
    pub express_config: Box<[u8; EXPRESS]>,
    /// Which of the four interrupt pins are raised.
    #[vmstate(since = 2, wire = u32, opaque = "pci irq state")]
    pub irq_state: [bool; 4],
    /// Whether it is a PCI Express device.
    #[vmstate(skip = "what kind of device this is, is known on both sides")]
    pub express: bool,
}

impl PciDevice {
    /// A PCI Express device.
    #[must_use]
    pub fn express() -> Self {
        Self { express: true, ..Self::default() }
    }
}

impl Default for PciDevice {
    /// A conventional device.
    fn default() -> Self {
        Self {
            version_id: 2,
            config: [0; CONVENTIONAL],
            express_config: Box::new([0; EXPRESS]),
            irq_state: [false; 4],
            express: false,
        }
    }
}

/// A bus, with `PINS` pins of its own.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "PCIBUS")]
pub struct PciBus<const PINS: usize> {
    /// How many pins there are.
    #[vmstate(equal)]
    pub nirq: i32,
    /// How many devices raise each.
    #[vmstate(len = nirq)]
    pub irq_count: [i32; PINS],
}

impl<const PINS: usize> Default for PciBus<PINS> {
    fn default() -> Self {
        Self { nirq: i32::try_from(PINS).unwrap_or(i32::MAX), irq_count: [0; PINS] }
    }
}

/// The bridge to a bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "PCIHost")]
pub struct PciHost {
    /// Which register of which device is accessed next.
    pub config_reg: u32,
}
