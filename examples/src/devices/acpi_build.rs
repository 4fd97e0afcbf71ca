//! Whether the firmware has fetched the tables of ACPI: QEMU's sections "virt_acpi_build" and "acpi_build".
//!
//! The fields are those of QEMU's `vmstate_virt_acpi_build` (`hw/riscv/virt-acpi-build.c`) and `vmstate_acpi_build`
//! (`hw/i386/acpi-build.c`).

use vmstate::prelude::*;

/// That of the RISC-V machine `virt`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virt_acpi_build")]
pub struct VirtAcpiBuild {
    /// Whether they are final.
    pub patched: bool,
}

/// That of the PC.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "acpi_build")]
pub struct AcpiBuild {
    /// Whether they are final.
    pub patched: u8,
}
