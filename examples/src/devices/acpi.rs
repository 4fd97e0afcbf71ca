//! What several machines have for ACPI: registers, hot-plugging of memory and of PCI devices, the system management bus.
//!
//! The fields are those of QEMU's `vmstate_memory_hotplug` and `vmstate_memhp_sts` (`hw/acpi/memory_hotplug.c`).

use vmstate::prelude::*;

/// How many modules of memory there can be.
const MAX_MODULES: usize = 256;

/// What is known about memory that can be plugged.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "memory hotplug state")]
pub struct MemoryHotplug {
    /// Which module the registers are about.
    pub selector: u32,
    /// How many modules there can be.
    #[vmstate(skip = "fixed when the machine is built")]
    pub dev_count: u32,
    /// The modules.
    #[vmstate(len = dev_count, max = MAX_MODULES)]
    pub devs: Vec<MemoryModule>,
}

/// A module of memory.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "memory hotplug device state")]
pub struct MemoryModule {
    /// Whether the guest may use it.
    pub is_enabled: bool,
    /// Whether it has just been plugged.
    pub is_inserting: bool,
    /// What the guest was doing with it.
    pub ost_event: u32,
    /// How that went.
    pub ost_status: u32,
}
