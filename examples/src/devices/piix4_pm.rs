//! Power management of the PC from 1996: QEMU's section "piix4_pm".
//!
//! The fields are those of QEMU's `vmstate_acpi`, `vmstate_gpe` and `vmstate_pci_status`, and of its subsections
//! (`hw/acpi/piix4.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::acpi::{Apm, CpuHotplug, MemoryHotplug, PciHotplug, SmBus};
use super::pci::PciDevice;

/// The device. What of it is sent depends on the machine's type; see [`Properties`].
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "piix4_pm", version = 3, minimum_version = 3)]
pub struct Piix4Pm {
    /// The device on the bus.
    #[vmstate(name = "parent_obj")]
    pub pci: PciDevice,
    /// Which events have happened.
    #[vmstate(name = "ar.pm1.evt.sts")]
    pub pm1_status: u16,
    /// Which of them interrupt.
    #[vmstate(name = "ar.pm1.evt.en")]
    pub pm1_enable: u16,
    /// Control: sleep, and who gets the interrupts.
    #[vmstate(name = "ar.pm1.cnt.cnt")]
    pub pm1_control: u16,
    /// What firmware and system agree on.
    pub apm: Apm,
    /// The system management bus.
    #[vmstate(when = |pm| pm.properties.smbus)]
    pub smb: SmBus,
    /// When the timer overflows.
    #[vmstate(name = "ar.tmr.timer", timer)]
    pub timer: Option<u64>,
    /// The same, in ticks.
    #[vmstate(name = "ar.tmr.overflow_time")]
    pub overflow_time: i64,
    /// General purpose events.
    #[vmstate(name = "ar.gpe")]
    pub gpe: Gpe,
    /// The slots of the first bus, where no others are known.
    #[vmstate(
        name = "acpi_pci_hotplug.acpi_pcihp_pci_status[0x0]",
        when = |pm| !pm.properties.hotplug_behind_bridges
    )]
    pub root_slots: PciStatus,
    /// Which bus the registers are about.
    #[vmstate(name = "acpi_pci_hotplug.hotplug_select", when = |pm| pm.properties.hotplug_behind_bridges)]
    pub hotplug_select: u32,
    /// The slots of each bus.
    #[vmstate(name = "acpi_pci_hotplug.acpi_pcihp_pci_status", when = |pm| pm.properties.hotplug_behind_bridges)]
    #[default(super::zeros())]
    pub slots: Box<[PciHotplug; 256]>,
    /// The device whose number the guest wants to know.
    #[vmstate(
        name = "acpi_pci_hotplug.acpi_index",
        when = |pm| pm.properties.hotplug_behind_bridges && pm.properties.acpi_index
    )]
    pub acpi_index: u32,
    /// What is known about memory that is plugged.
    #[vmstate(name = "acpi_memory_hotplug", subsection("piix4_pm/memhp"))]
    pub memory_hotplug: Option<MemoryHotplug>,
    /// What is known about processors that are plugged.
    #[vmstate(name = "cpuhp_state", subsection("piix4_pm/cpuhp"))]
    pub cpu_hotplug: Option<CpuHotplug>,
    /// What is sent.
    #[vmstate(skip = "properties of the device, which the machine's type sets")]
    pub properties: Properties,
}

/// What is sent. The default is what new PCs do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SmartDefault)]
pub struct Properties {
    /// The system management bus; not before `pc-i440fx-2.12`.
    #[default(true)]
    pub smbus: bool,
    /// The slots of all buses and not only of the first; not before `pc-i440fx-2.0`.
    #[default(true)]
    pub hotplug_behind_bridges: bool,
    /// The device whose number the guest wants to know; not before `pc-i440fx-6.0`.
    #[default(true)]
    pub acpi_index: bool,
}

/// General purpose events.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "gpe")]
pub struct Gpe {
    /// Which have happened, two bytes of them.
    pub sts: u16,
    /// Which interrupt.
    pub en: u16,
}

/// The slots of the first bus, a bit each, in its older form.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pci_status")]
pub struct PciStatus {
    /// In which a device was plugged.
    pub up: u32,
    /// From which the device is to be taken.
    pub down: u32,
}
