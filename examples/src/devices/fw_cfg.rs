//! QEMU's way to hand files to the firmware: its section "fw_cfg".
//!
//! The fields are those of QEMU's `vmstate_fw_cfg` (`hw/nvram/fw_cfg.c`) and its subsections. The files themselves are
//! made anew on the other side; only their sizes must fit.

use vmstate::prelude::*;

/// Where the firmware reads.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "fw_cfg", version = 2)]
pub struct FwCfg {
    /// The file.
    pub cur_entry: u16,
    /// The next byte of it. It was a narrower number once.
    #[vmstate(removed("cur_offset[0]": u16, until = 1, with = Self::set_offset))]
    #[vmstate(name = "cur_offset[1]", since = 2)]
    pub cur_offset: u32,
    /// The address of a request, if the machine lets the firmware write one.
    #[vmstate(subsection("fw_cfg/dma", version = 0, minimum_version = 0))]
    pub dma_addr: Option<u64>,
    /// How large the tables of ACPI are in memory, if the machine keeps that.
    #[vmstate(subsection)]
    pub acpi_mr: Option<AcpiMr>,
}

/// The sizes of the RAM blocks with the tables of ACPI.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "fw_cfg/acpi_mr")]
pub struct AcpiMr {
    /// The tables.
    pub table_mr_size: u64,
    /// How they are put together.
    pub linker_mr_size: u64,
    /// The pointer to the first of them.
    pub rsdp_mr_size: u64,
}

impl FwCfg {
    fn set_offset(&mut self, offset: u16) {
        self.cur_offset = offset.into();
    }
}
