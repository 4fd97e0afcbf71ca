//! The state common to all PCI devices, and PCI buses: QEMU's "PCIDevice", the first field of each device, and its
//! sections "PCIBUS" and "PCIHost".
//!
//! The fields follow QEMU's `vmstate_pci_device` and `vmstate_pcibus` (`hw/pci/pci.c`) and `vmstate_pcihost`
//! (`hw/pci/pci_host.c`); `pci config` and `pci irq state` are custom infos. Like QEMU's infos, a
//! device with an [`Identity`] rejects other values of the bits that a guest cannot change.

use vmstate::prelude::*;

mod constants;
pub mod identities;
mod identity;

pub use constants::Constants;
pub use identity::{Constant, Identity, Region};

/// The size of a conventional device's configuration space.
const CONVENTIONAL: usize = 256;
/// The size of a PCI Express device's configuration space.
const EXPRESS: usize = 4096;

/// A PCI device.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "PCIDevice", version = 2, post_load = Self::check)]
pub struct PciDevice {
    /// The version of the state; 2 with interrupts.
    #[vmstate(le)]
    pub version_id: i32,
    /// The configuration space, of a conventional device.
    #[vmstate(buffer, opaque = "pci config", when = |device| !device.express)]
    pub config: [u8; CONVENTIONAL],
    /// The configuration space, of a PCI Express device.
    #[vmstate(name = "config", buffer, opaque = "pci config", when = |device| device.express)]
    pub express_config: Box<[u8; EXPRESS]>,
    /// The levels of the four interrupt pins.
    #[vmstate(since = 2, wire = u32, opaque = "pci irq state")]
    pub irq_state: [bool; 4],
    /// True if it is a PCI Express device.
    #[vmstate(skip = "the kind of device is configured on both sides")]
    pub express: bool,
    /// The constants of the configuration space; `None` accepts any.
    #[vmstate(skip = "the same in each state of a device")]
    pub constants: Option<Constants>,
}

impl PciDevice {
    /// Creates a device.
    #[must_use]
    pub fn new(identity: &'static Identity) -> Self {
        let mut device =
            Self { express: identity.express, constants: Some(Constants::new(identity)), ..Self::default() };
        identity.write(device.configuration_mut());
        device
    }

    /// Creates a PCI Express device that accepts any configuration.
    #[must_use]
    pub fn express() -> Self {
        Self { express: true, ..Self::default() }
    }

    fn configuration(&self) -> &[u8] {
        if self.express { &self.express_config[..] } else { &self.config }
    }

    fn configuration_mut(&mut self) -> &mut [u8] {
        if self.express { &mut self.express_config[..] } else { &mut self.config }
    }

    fn check(&mut self) -> Result<(), LoadError> {
        self.constants.as_ref().map_or(Ok(()), |constants| constants.check(self.configuration()))
    }
}

impl Default for PciDevice {
    /// Creates a conventional device that accepts any configuration.
    fn default() -> Self {
        Self {
            version_id: 2,
            config: [0; CONVENTIONAL],
            express_config: Box::new([0; EXPRESS]),
            irq_state: [false; 4],
            express: false,
            constants: None,
        }
    }
}

/// A bus with `PINS` interrupt pins.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "PCIBUS")]
pub struct PciBus<const PINS: usize> {
    /// The number of pins.
    #[vmstate(equal)]
    pub nirq: i32,
    /// The number of devices that raise each pin.
    #[vmstate(len = nirq)]
    pub irq_count: [i32; PINS],
}

impl<const PINS: usize> Default for PciBus<PINS> {
    fn default() -> Self {
        Self { nirq: i32::try_from(PINS).unwrap_or(i32::MAX), irq_count: [0; PINS] }
    }
}

/// The host bridge.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "PCIHost")]
pub struct PciHost {
    /// The selected configuration address.
    pub config_reg: u32,
}
