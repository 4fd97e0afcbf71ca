//! The firmware configuration device: QEMU's section "fw_cfg".
//!
//! The fields follow QEMU's `vmstate_fw_cfg` (`hw/nvram/fw_cfg.c`) and its subsections. The destination creates the
//! files itself; only their sizes must match.

use vmstate::prelude::*;

/// The read position.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "fw_cfg", version = 2)]
pub struct FwCfg {
    /// The selected item.
    pub cur_entry: u16,
    /// The offset in the item. Earlier versions use a narrower number.
    #[vmstate(removed("cur_offset[0]": u16, until = 1, with = Self::set_offset))]
    #[vmstate(name = "cur_offset[1]", since = 2)]
    pub cur_offset: u32,
    /// The address of a DMA request, if the machine supports DMA.
    #[vmstate(subsection("fw_cfg/dma", version = 0, minimum_version = 0))]
    pub dma_addr: Option<u64>,
    /// The sizes of the ACPI tables, if the machine keeps them in RAM blocks.
    #[vmstate(subsection)]
    pub acpi_mr: Option<AcpiMr>,
}

/// The sizes of the RAM blocks with ACPI tables.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "fw_cfg/acpi_mr")]
pub struct AcpiMr {
    /// The tables.
    pub table_mr_size: u64,
    /// The table loader script.
    pub linker_mr_size: u64,
    /// The root pointer (RSDP).
    pub rsdp_mr_size: u64,
}

impl FwCfg {
    fn set_offset(&mut self, offset: u16) {
        self.cur_offset = offset.into();
    }
}
