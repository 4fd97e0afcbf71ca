//! A root port of PCI Express: QEMU's section "pcie-root-port".
//!
//! The fields are those of QEMU's `vmstate_rp_dev` (`hw/pci-bridge/gen_pcie_root_port.c`), `vmstate_pcie_aer_log` and
//! `vmstate_pcie_aer_err` (`hw/pci/pcie_aer.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::msix::Msix;
use super::pci::PciDevice;

/// The port.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "pcie-root-port", priority = PciBus)]
pub struct RootPort {
    /// The device on the bus above it.
    #[vmstate(name = "parent_obj.parent_obj.parent_obj")]
    #[default(PciDevice::express())]
    pub pci: PciDevice,
    /// The errors that were reported.
    #[vmstate(name = "parent_obj.parent_obj.parent_obj.exp.aer_log")]
    pub aer_log: AerLog,
    /// Its interrupts.
    #[vmstate(name = "parent_obj.parent_obj.parent_obj.parent_obj")]
    #[default(Msix::new(1))]
    pub msix: Msix,
}

/// The errors that were reported and not yet read.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "PCIE_AER_ERROR_LOG")]
pub struct AerLog {
    /// How many there are.
    pub log_num: u16,
    /// How many there can be.
    #[vmstate(equal)]
    #[default(8)]
    pub log_max: u16,
    /// The errors.
    #[vmstate(len = log_num, max = 128)]
    pub log: Vec<AerError>,
}

/// An error.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "PCIE_AER_ERROR")]
pub struct AerError {
    /// What it is.
    pub status: u32,
    /// Which device reports it.
    pub source_id: u16,
    /// Whether it can be corrected.
    pub flags: u16,
    /// What was transferred.
    pub header: [u32; 4],
    /// What stood before that.
    pub prefix: [u32; 4],
}
