//! The state of the ACPI tables: QEMU's sections "virt_acpi_build" and "acpi_build".
//!
//! The fields follow QEMU's `vmstate_virt_acpi_build` (`hw/riscv/virt-acpi-build.c`) and `vmstate_acpi_build`
//! (`hw/i386/acpi-build.c`).

use vmstate::prelude::*;

/// The section of the RISC-V machine `virt`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virt_acpi_build")]
pub struct VirtAcpiBuild {
    /// True if the firmware has fetched the tables, so that they are final.
    pub patched: bool,
}

/// The section of PCs.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "acpi_build")]
pub struct AcpiBuild {
    /// True if the firmware has fetched the tables, so that they are final.
    pub patched: u8,
}
