//! What all PCI devices have in common: QEMU's "PCIDevice", which is the first field of each.
//!
//! The fields are those of QEMU's `vmstate_pci_device`; `pci config` and `pci irq state` are infos of its own.

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
    #[vmstate(with = PciConfig, when = Self::is_conventional)]
    pub config: [u8; CONVENTIONAL],
    /// The configuration space, of a PCI Express device.
    #[vmstate(name = "config", with = PciConfig, when = Self::is_express)]
    pub express_config: Box<[u8; EXPRESS]>,
    /// Which of the four interrupt pins are raised.
    #[vmstate(since = 2, with = PciIrqState)]
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

    fn is_express(&self) -> bool {
        self.express
    }

    fn is_conventional(&self) -> bool {
        !self.express
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

/// The configuration space as bytes. QEMU also refuses other values of what the guest cannot change.
#[derive(Debug)]
pub struct PciConfig;

impl<const N: usize> Info<[u8; N]> for PciConfig {
    const NAME: &'static str = "pci config";
    const SIZE: Option<usize> = Some(N);

    fn put(config: &[u8; N], to: &mut Writer) -> Result<(), SaveError> {
        to.bytes(config);
        Ok(())
    }

    fn get(config: &mut [u8; N], from: &mut Reader<'_>) -> Result<(), LoadError> {
        from.fill(config)
    }
}

impl<const N: usize> Info<Box<[u8; N]>> for PciConfig {
    const NAME: &'static str = <Self as Info<[u8; N]>>::NAME;
    const SIZE: Option<usize> = <Self as Info<[u8; N]>>::SIZE;

    fn put(config: &Box<[u8; N]>, to: &mut Writer) -> Result<(), SaveError> {
        <Self as Info<[u8; N]>>::put(config, to)
    }

    fn get(config: &mut Box<[u8; N]>, from: &mut Reader<'_>) -> Result<(), LoadError> {
        <Self as Info<[u8; N]>>::get(config, from)
    }
}

/// The interrupt pins, as numbers of 32 bits that are 0 or 1.
#[derive(Debug)]
pub struct PciIrqState;

impl Info<[bool; 4]> for PciIrqState {
    const NAME: &'static str = "pci irq state";
    const SIZE: Option<usize> = Some(16);

    fn put(pins: &[bool; 4], to: &mut Writer) -> Result<(), SaveError> {
        pins.iter().for_each(|&pin| to.u32(u32::from(pin)));
        Ok(())
    }

    fn get(pins: &mut [bool; 4], from: &mut Reader<'_>) -> Result<(), LoadError> {
        let mut raised = [false; 4];
        for (index, pin) in raised.iter_mut().enumerate() {
            *pin = match from.u32()? {
                0 => false,
                1 => true,
                other => return Err(LoadError::malformed("0 or 1", other).in_element(index)),
            };
        }
        *pins = raised;
        Ok(())
    }
}
