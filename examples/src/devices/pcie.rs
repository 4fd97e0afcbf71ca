//! A PCI Express root port: QEMU's section "pcie-root-port".
//!
//! The fields follow QEMU's `vmstate_rp_dev` (`hw/pci-bridge/gen_pcie_root_port.c`), `vmstate_pcie_aer_log` and
//! `vmstate_pcie_aer_err` (`hw/pci/pcie_aer.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::msix::Msix;
use super::pci::PciDevice;

/// The root port.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "pcie-root-port", priority = PciBus)]
pub struct RootPort {
    /// The PCI device.
    #[vmstate(name = "parent_obj.parent_obj.parent_obj")]
    #[default(PciDevice::express())]
    pub pci: PciDevice,
    /// The error log.
    #[vmstate(name = "parent_obj.parent_obj.parent_obj.exp.aer_log")]
    pub aer_log: AerLog,
    /// The slot's interrupts.
    #[vmstate(name = "parent_obj.parent_obj.parent_obj.parent_obj")]
    #[default(Msix::new(1))]
    pub msix: Msix,
}

/// The log of errors not yet read.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "PCIE_AER_ERROR_LOG")]
pub struct AerLog {
    /// The number of errors.
    pub log_num: u16,
    /// The capacity.
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
    /// The error status.
    pub status: u32,
    /// The requester ID.
    pub source_id: u16,
    /// The flags, such as correctable.
    pub flags: u16,
    /// The TLP header.
    pub header: [u32; 4],
    /// The TLP prefix.
    pub prefix: [u32; 4],
}
