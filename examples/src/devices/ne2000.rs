//! The network card NE2000: QEMU's section "ne2000".
//!
//! The fields follow QEMU's `vmstate_isa_ne2000` (`hw/net/ne2000-isa.c`), `vmstate_pci_ne2000`
//! (`hw/net/ne2000-pci.c`) and `vmstate_ne2000` (`hw/net/ne2000.c`).

use vmstate::prelude::*;

use super::pci::PciDevice;
use super::zeros;

/// The size of the card's memory.
const MEMORY: usize = 48 * 1024;

/// The card on the ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ne2000", version = 2, minimum_version = 0)]
pub struct IsaNe2000 {
    /// The state of the card.
    pub ne2000: Ne2000,
}

/// The card on the PCI bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ne2000", version = 3, minimum_version = 3)]
pub struct PciNe2000 {
    /// The PCI device.
    #[vmstate(name = "dev")]
    pub pci: PciDevice,
    /// The state of the card.
    pub ne2000: Ne2000,
}

/// The state of the card.
#[derive(VmState, Debug, Clone, PartialEq, Eq, smart_default::SmartDefault)]
#[vmstate(name = "ne2000", version = 2, minimum_version = 0)]
pub struct Ne2000 {
    /// The receive configuration.
    #[vmstate(since = 2)]
    pub rxcr: u8,
    /// The command.
    pub cmd: u8,
    /// The first page of the receive ring.
    pub start: u32,
    /// The end of the receive ring.
    pub stop: u32,
    /// The boundary page, which the guest reads next.
    pub boundary: u8,
    /// The transmit status.
    pub tsr: u8,
    /// The transmit page.
    pub tpsr: u8,
    /// The transmit byte count.
    pub tcnt: u16,
    /// The remote DMA byte count.
    pub rcnt: u16,
    /// The remote DMA address.
    pub rsar: u32,
    /// The receive status.
    pub rsr: u8,
    /// The interrupt status.
    pub isr: u8,
    /// The data configuration.
    pub dcfg: u8,
    /// The interrupt mask.
    pub imr: u8,
    /// The MAC address.
    #[vmstate(buffer)]
    pub phys: [u8; 6],
    /// The current receive page.
    pub curpag: u8,
    /// The multicast filter.
    #[vmstate(buffer)]
    pub mult: [u8; 8],
    /// Padding of the former interrupt number.
    #[vmstate(name = "unused")]
    pub was_irq: Unused<4>,
    /// The memory.
    #[vmstate(buffer)]
    #[default(zeros())]
    pub mem: Box<[u8; MEMORY]>,
}
