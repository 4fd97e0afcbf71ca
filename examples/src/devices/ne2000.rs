//! The network card NE2000: QEMU's section "ne2000".
//!
//! The fields are those of QEMU's `vmstate_isa_ne2000` (`hw/net/ne2000-isa.c`), `vmstate_pci_ne2000`
//! (`hw/net/ne2000-pci.c`) and `vmstate_ne2000` (`hw/net/ne2000.c`).

use vmstate::prelude::*;

use super::pci::PciDevice;
use super::zeros;

/// The card's memory.
const MEMORY: usize = 48 * 1024;

/// The card on a PC's ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ne2000", version = 2, minimum_version = 0)]
pub struct IsaNe2000 {
    /// The card.
    pub ne2000: Ne2000,
}

/// The card on the PCI bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ne2000", version = 3, minimum_version = 3)]
pub struct PciNe2000 {
    /// The device on the bus.
    #[vmstate(name = "dev")]
    pub pci: PciDevice,
    /// The card.
    pub ne2000: Ne2000,
}

/// The card itself.
#[derive(VmState, Debug, Clone, PartialEq, Eq, smart_default::SmartDefault)]
#[vmstate(name = "ne2000", version = 2, minimum_version = 0)]
pub struct Ne2000 {
    /// What is received.
    #[vmstate(since = 2)]
    pub rxcr: u8,
    /// The command.
    pub cmd: u8,
    /// Where the ring of received packets begins.
    pub start: u32,
    /// Where it ends.
    pub stop: u32,
    /// The page that the guest reads next.
    pub boundary: u8,
    /// The status of sending.
    pub tsr: u8,
    /// The page to be sent.
    pub tpsr: u8,
    /// How many bytes are to be sent.
    pub tcnt: u16,
    /// How many bytes the processor transfers.
    pub rcnt: u16,
    /// Where.
    pub rsar: u32,
    /// The status of receiving.
    pub rsr: u8,
    /// Why it interrupts.
    pub isr: u8,
    /// How data are transferred.
    pub dcfg: u8,
    /// What may interrupt.
    pub imr: u8,
    /// Its address.
    #[vmstate(buffer)]
    pub phys: [u8; 6],
    /// The page that is received next.
    pub curpag: u8,
    /// Which groups' packets are received.
    #[vmstate(buffer)]
    pub mult: [u8; 8],
    /// Was once the interrupt's line.
    #[vmstate(name = "unused")]
    pub was_irq: Unused<4>,
    /// Its memory.
    #[vmstate(buffer)]
    #[default(zeros())]
    pub mem: Box<[u8; MEMORY]>,
}
