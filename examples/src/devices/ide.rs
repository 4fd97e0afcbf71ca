//! IDE controllers: QEMU's sections "isa-ide" and "ide".
//!
//! The fields follow QEMU's `vmstate_ide_isa` (`hw/ide/isa.c`), `vmstate_ide_pci` and `vmstate_bmdma`
//! (`hw/ide/pci.c`), `vmstate_ide_bus` and `vmstate_ide_drive` (`hw/ide/core.c`), and their subsections.

use smart_default::SmartDefault;
use vmstate::prelude::*;

pub use drive::{Drive, PioState, TrayState};

use super::pci::{PciDevice, identities};

mod drive;

/// A controller on the ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "isa-ide", version = 3, minimum_version = 0)]
pub struct IsaIde {
    /// The bus.
    #[vmstate(since = 1, ambiguous = "QEMU's layout")]
    pub bus: Bus,
    /// The drives of the bus.
    #[vmstate(since = 3, name = "bus.ifs", ambiguous = "QEMU's layout")]
    pub drives: [Drive; 2],
}

/// A controller with two buses on the PCI bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ide", version = 3, minimum_version = 0)]
pub struct PciIde {
    /// The PCI device.
    #[vmstate(name = "parent_obj")]
    #[default(PciDevice::new(&identities::PIIX3_IDE))]
    pub pci: PciDevice,
    /// The DMA state of each bus.
    #[vmstate(ambiguous = "QEMU's layout")]
    pub bmdma: [BusMaster; 2],
    /// The buses.
    #[vmstate(since = 1, ambiguous = "QEMU's layout")]
    pub bus: [Bus; 2],
    /// The drives of the first bus.
    #[vmstate(since = 3, name = "bus[0].ifs", ambiguous = "QEMU's layout")]
    pub drives0: [Drive; 2],
    /// The drives of the second bus.
    #[vmstate(since = 3, name = "bus[1].ifs", ambiguous = "QEMU's layout")]
    pub drives1: [Drive; 2],
}

/// A bus with two drives.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ide_bus")]
pub struct Bus {
    /// The control register.
    pub cmd: u8,
    /// The selected drive.
    pub unit: u8,
    /// The failed request to retry.
    #[vmstate(subsection)]
    pub error: Option<BusError>,
}

/// A failed request to retry.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ide_bus/error", version = 2)]
pub struct BusError {
    /// The kind of request, with QEMU's bits.
    pub error_status: i32,
    /// The first sector.
    #[vmstate(since = 2)]
    pub retry_sector_num: i64,
    /// The number of sectors.
    #[vmstate(since = 2)]
    pub retry_nsector: u32,
    /// The drive.
    #[vmstate(since = 2)]
    pub retry_unit: u8,
}

/// The DMA state of a bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ide bmdma", version = 3, minimum_version = 0)]
pub struct BusMaster {
    /// The command.
    pub cmd: u8,
    /// The status, with QEMU's error bits.
    pub migration_compat_status: u8,
    /// The address of the descriptor table.
    pub addr: u32,
    /// The first sector to retry.
    pub migration_retry_sector_num: i64,
    /// The number of sectors.
    pub migration_retry_nsector: u32,
    /// The drive.
    pub migration_retry_unit: u8,
    /// The current memory region.
    #[vmstate(subsection)]
    pub current: Option<Region>,
    /// The status, if its bits differ from those in the other field.
    #[vmstate(subsection("ide bmdma/status"))]
    pub status: Option<u8>,
}

/// The memory region of a transfer.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ide bmdma_current")]
pub struct Region {
    /// The next entry of the descriptor table.
    pub cur_addr: u32,
    /// True if it is the last entry.
    pub cur_prd_last: u32,
    /// The address of the region.
    pub cur_prd_addr: u32,
    /// The remaining bytes of the region.
    pub cur_prd_len: u32,
}
