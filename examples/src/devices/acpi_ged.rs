//! The generic event device of ACPI: QEMU's section "acpi-ged".
//!
//! The fields are those of QEMU's `vmstate_acpi_ged` and `vmstate_ged_state` (`hw/acpi/generic_event_device.c`), and of
//! the subsections about memory and processors.

use vmstate::prelude::*;

use super::acpi::{CpuHotplug, MemoryHotplug};

/// The device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "acpi-ged")]
pub struct AcpiGed {
    /// Its register.
    pub ged_state: GedState,
    /// What is known about memory that is plugged, on machines where it can be.
    #[vmstate(subsection("acpi-ged/memhp"))]
    pub memhp_state: Option<MemoryHotplug>,
    /// What is known about processors that are plugged, on machines where they can be.
    #[vmstate(subsection("acpi-ged/cpuhp"))]
    pub cpuhp_state: Option<CpuHotplug>,
}

/// The register.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "acpi-ged-state")]
pub struct GedState {
    /// Which events have happened.
    pub sel: u32,
}
