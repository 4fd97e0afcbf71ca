//! The ACPI generic event device: QEMU's section "acpi-ged".
//!
//! The fields follow QEMU's `vmstate_acpi_ged` and `vmstate_ged_state` (`hw/acpi/generic_event_device.c`), and
//! the subsections about memory and processors.

use vmstate::prelude::*;

use super::acpi::{CpuHotplug, MemoryHotplug};

/// The device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "acpi-ged")]
pub struct AcpiGed {
    /// The event register.
    pub ged_state: GedState,
    /// The memory hotplug registers, on machines that support it.
    #[vmstate(subsection("acpi-ged/memhp"))]
    pub memhp_state: Option<MemoryHotplug>,
    /// The processor hotplug registers, on machines that support it.
    #[vmstate(subsection("acpi-ged/cpuhp"))]
    pub cpuhp_state: Option<CpuHotplug>,
}

/// The event register.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "acpi-ged-state")]
pub struct GedState {
    /// The pending events.
    pub sel: u32,
}
