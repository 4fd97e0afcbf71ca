//! IDE: QEMU's sections "isa-ide" and "ide".
//!
//! The fields are those of QEMU's `vmstate_ide_isa` (`hw/ide/isa.c`), `vmstate_ide_pci` and `vmstate_bmdma`
//! (`hw/ide/pci.c`), `vmstate_ide_bus` and `vmstate_ide_drive` (`hw/ide/core.c`), and of their subsections.

use vmstate::prelude::*;

pub use drive::{Drive, PioState, TrayState};

use super::pci::PciDevice;

mod drive;

/// A controller on a PC's ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "isa-ide", version = 3, minimum_version = 0)]
pub struct IsaIde {
    /// The bus.
    #[vmstate(since = 1, ambiguous = "QEMU has it so")]
    pub bus: Bus,
    /// The drives on it.
    #[vmstate(since = 3, name = "bus.ifs", ambiguous = "QEMU has it so")]
    pub drives: [Drive; 2],
}

/// A controller with two buses on the PCI bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ide", version = 3, minimum_version = 0)]
pub struct PciIde {
    /// The device on the PCI bus.
    #[vmstate(name = "parent_obj")]
    pub pci: PciDevice,
    /// The transfers to and from memory, for each bus.
    #[vmstate(ambiguous = "QEMU has it so")]
    pub bmdma: [BusMaster; 2],
    /// The buses.
    #[vmstate(since = 1, ambiguous = "QEMU has it so")]
    pub bus: [Bus; 2],
    /// The drives on the first bus.
    #[vmstate(since = 3, name = "bus[0].ifs", ambiguous = "QEMU has it so")]
    pub drives0: [Drive; 2],
    /// The drives on the second bus.
    #[vmstate(since = 3, name = "bus[1].ifs", ambiguous = "QEMU has it so")]
    pub drives1: [Drive; 2],
}

/// A bus with two drives.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ide_bus")]
pub struct Bus {
    /// What was written to the control register.
    pub cmd: u8,
    /// Which drive is selected.
    pub unit: u8,
    /// The request that failed and is to be tried again.
    #[vmstate(subsection)]
    pub error: Option<BusError>,
}

/// A request that failed.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ide_bus/error", version = 2)]
pub struct BusError {
    /// What it was, as bits of QEMU's.
    pub error_status: i32,
    /// The sector.
    #[vmstate(since = 2)]
    pub retry_sector_num: i64,
    /// How many sectors.
    #[vmstate(since = 2)]
    pub retry_nsector: u32,
    /// The drive.
    #[vmstate(since = 2)]
    pub retry_unit: u8,
}

/// Transfers to and from memory.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ide bmdma", version = 3, minimum_version = 0)]
pub struct BusMaster {
    /// The command.
    pub cmd: u8,
    /// The status, with bits of QEMU's about errors.
    pub migration_compat_status: u8,
    /// Where the table of memory regions is.
    pub addr: u32,
    /// The sector to be tried again.
    pub migration_retry_sector_num: i64,
    /// How many sectors.
    pub migration_retry_nsector: u32,
    /// The drive.
    pub migration_retry_unit: u8,
    /// The region that is being transferred.
    #[vmstate(subsection)]
    pub current: Option<Region>,
    /// The status, where the other field has other bits in its place.
    #[vmstate(subsection("ide bmdma/status"))]
    pub status: Option<u8>,
}

/// A region of memory that is being transferred.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ide bmdma_current")]
pub struct Region {
    /// The next entry of the table.
    pub cur_addr: u32,
    /// Whether this is the last.
    pub cur_prd_last: u32,
    /// Where the region is.
    pub cur_prd_addr: u32,
    /// How much of it is left.
    pub cur_prd_len: u32,
}
