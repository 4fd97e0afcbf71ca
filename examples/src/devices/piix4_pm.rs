//! The power management of the i440FX chipset: QEMU's section "piix4_pm".
//!
//! The fields follow QEMU's `vmstate_acpi`, `vmstate_gpe` and `vmstate_pci_status`, and its subsections
//! (`hw/acpi/piix4.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::acpi::{Apm, CpuHotplug, MemoryHotplug, PciHotplug, SmBus};
use super::pci::{PciDevice, identities};

/// The device. The machine type determines the fields that are sent: [`Properties`].
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "piix4_pm", version = 3, minimum_version = 3)]
pub struct Piix4Pm {
    /// The PCI device.
    #[vmstate(name = "parent_obj")]
    #[default(PciDevice::new(&identities::PIIX4_PM))]
    pub pci: PciDevice,
    /// The PM1 status: pending events.
    #[vmstate(name = "ar.pm1.evt.sts")]
    pub pm1_status: u16,
    /// The PM1 enable register.
    #[vmstate(name = "ar.pm1.evt.en")]
    pub pm1_enable: u16,
    /// The PM1 control register.
    #[vmstate(name = "ar.pm1.cnt.cnt")]
    pub pm1_control: u16,
    /// The APM ports.
    pub apm: Apm,
    /// The SMBus controller.
    #[vmstate(when = |pm| pm.properties.smbus)]
    pub smb: SmBus,
    /// The overflow timer.
    #[vmstate(name = "ar.tmr.timer", timer)]
    pub timer: Option<u64>,
    /// The overflow time in ticks.
    #[vmstate(name = "ar.tmr.overflow_time")]
    pub overflow_time: i64,
    /// The general-purpose events.
    #[vmstate(name = "ar.gpe")]
    pub gpe: Gpe,
    /// The slots of the first bus, on machines without hotplug of others.
    #[vmstate(
        name = "acpi_pci_hotplug.acpi_pcihp_pci_status[0x0]",
        when = |pm| !pm.properties.hotplug_behind_bridges
    )]
    pub root_slots: PciStatus,
    /// The selected bus.
    #[vmstate(name = "acpi_pci_hotplug.hotplug_select", when = |pm| pm.properties.hotplug_behind_bridges)]
    pub hotplug_select: u32,
    /// The slots of each bus.
    #[vmstate(name = "acpi_pci_hotplug.acpi_pcihp_pci_status", when = |pm| pm.properties.hotplug_behind_bridges)]
    #[default(super::zeros())]
    pub slots: Box<[PciHotplug; 256]>,
    /// The device whose ACPI index the guest reads.
    #[vmstate(
        name = "acpi_pci_hotplug.acpi_index",
        when = |pm| pm.properties.hotplug_behind_bridges && pm.properties.acpi_index
    )]
    pub acpi_index: u32,
    /// The memory hotplug registers.
    #[vmstate(name = "acpi_memory_hotplug", subsection("piix4_pm/memhp"))]
    pub memory_hotplug: Option<MemoryHotplug>,
    /// The processor hotplug registers.
    #[vmstate(name = "cpuhp_state", subsection("piix4_pm/cpuhp"))]
    pub cpu_hotplug: Option<CpuHotplug>,
    /// The properties of the machine type.
    #[vmstate(skip = "properties of the device, which the machine's type sets")]
    pub properties: Properties,
}

/// The properties of a machine type. The default is the newest type's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SmartDefault)]
pub struct Properties {
    /// True if the SMBus is sent; not before `pc-i440fx-2.12`.
    #[default(true)]
    pub smbus: bool,
    /// True if the slots of all buses are sent, not only of the first; not before `pc-i440fx-2.0`.
    #[default(true)]
    pub hotplug_behind_bridges: bool,
    /// True if the ACPI index is sent; not before `pc-i440fx-6.0`.
    #[default(true)]
    pub acpi_index: bool,
}

/// The general-purpose events.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "gpe")]
pub struct Gpe {
    /// The status, two bytes.
    pub sts: u16,
    /// The enable register.
    pub en: u16,
}

/// The slots of the first bus, one bit each, in the older format.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pci_status")]
pub struct PciStatus {
    /// Slots with a pending insertion.
    pub up: u32,
    /// Slots with a pending removal.
    pub down: u32,
}
