//! The chipset of newer PCs: QEMU's sections "mch", "ICH9LPC" and "ich9_smb".
//!
//! The fields are those of QEMU's `vmstate_mch` (`hw/pci-host/q35.c`), of `vmstate_ich9_lpc` and its subsections
//! (`hw/isa/lpc_ich9.c`), of `vmstate_ich9_pm` and its subsections (`hw/acpi/ich9.c`), `vmstate_tco_io_sts`
//! (`hw/acpi/ich9_tco.c`) and `vmstate_ich9_smbus` (`hw/i2c/smbus_ich9.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::acpi::{Apm, CpuHotplug, MemoryHotplug, PciHotplug, SmBus};
use super::pci::PciDevice;
use super::zeros;

/// The bridge between processor, memory and PCI.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "mch")]
pub struct Mch {
    /// The device on the bus.
    #[vmstate(name = "parent_obj")]
    pub pci: PciDevice,
    /// Was once whether system management memory is visible.
    #[vmstate(name = "unused")]
    pub was_smm_enabled: Unused<1>,
}

/// The bridge between PCI and what is left of ISA.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ICH9LPC")]
pub struct Lpc {
    /// The device on the bus.
    #[vmstate(name = "d")]
    pub pci: PciDevice,
    /// What firmware and system agree on.
    pub apm: Apm,
    /// Power management.
    #[vmstate(ambiguous = "QEMU has it so")]
    pub pm: Pm,
    /// The chipset's configuration.
    #[default(zeros())]
    pub chip_config: Box<[u8; 0x4000]>,
    /// The level of ACPI's interrupt.
    pub sci_level: u32,
    /// The reset control register.
    #[vmstate(subsection("ICH9LPC/rst_cnt", needed = |lpc| lpc.rst_cnt != 0))]
    pub rst_cnt: u8,
    /// What the firmware wants of system management interrupts.
    #[vmstate(subsection)]
    pub smi_features: SmiFeatures,
}

/// What firmware and QEMU have agreed on about system management interrupts.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ICH9LPC/smi_feat", needed = |smi| smi.guest_features != [0; 8] || smi.features_ok != 0)]
pub struct SmiFeatures {
    /// What the firmware wants, as bits, the lowest first.
    #[vmstate(name = "smi_guest_features_le")]
    pub guest_features: [u8; 8],
    /// Whether it gets that.
    #[vmstate(name = "smi_features_ok")]
    pub features_ok: u8,
    /// What it gets.
    #[vmstate(name = "smi_negotiated_features")]
    pub negotiated_features: u64,
}

/// Power management.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ich9_pm")]
pub struct Pm {
    /// Which events have happened.
    #[vmstate(name = "acpi_regs.pm1.evt.sts")]
    pub pm1_status: u16,
    /// Which of them interrupt.
    #[vmstate(name = "acpi_regs.pm1.evt.en")]
    pub pm1_enable: u16,
    /// Control: sleep, and who gets the interrupts.
    #[vmstate(name = "acpi_regs.pm1.cnt.cnt")]
    pub pm1_control: u16,
    /// When the timer overflows.
    #[vmstate(name = "acpi_regs.tmr.timer", timer)]
    pub timer: Option<u64>,
    /// The same, in ticks.
    #[vmstate(name = "acpi_regs.tmr.overflow_time")]
    pub overflow_time: i64,
    /// Which general purpose events have happened.
    #[vmstate(name = "acpi_regs.gpe.sts")]
    pub gpe_status: [u8; 16],
    /// Which of them interrupt.
    #[vmstate(name = "acpi_regs.gpe.en")]
    pub gpe_enable: [u8; 16],
    /// What causes system management interrupts.
    pub smi_en: u32,
    /// What has caused some.
    pub smi_sts: u32,
    /// What is known about memory that is plugged.
    #[vmstate(name = "acpi_memory_hotplug", subsection("ich9_pm/memhp"))]
    pub memory_hotplug: Option<MemoryHotplug>,
    /// The watchdog, on machines that have it.
    #[vmstate(name = "tco_regs", subsection("ich9_pm/tco"))]
    pub tco: Option<Tco>,
    /// What is known about processors that are plugged.
    #[vmstate(name = "cpuhp_state", subsection("ich9_pm/cpuhp"))]
    pub cpu_hotplug: Option<CpuHotplug>,
    /// What is known about PCI devices that are plugged behind bridges, on machines where ACPI knows of them.
    #[vmstate(subsection)]
    pub pci_hotplug: Option<PmPciHotplug>,
}

/// The watchdog.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "tco io device status")]
pub struct Tco {
    /// Restarts it.
    #[vmstate(name = "tco.rld")]
    pub rld: u16,
    /// Data that cause a system management interrupt.
    #[vmstate(name = "tco.din")]
    pub din: u8,
    /// Data that cause an interrupt.
    #[vmstate(name = "tco.dout")]
    pub dout: u8,
    /// The first status.
    #[vmstate(name = "tco.sts1")]
    pub sts1: u16,
    /// The second.
    #[vmstate(name = "tco.sts2")]
    pub sts2: u16,
    /// Control.
    #[vmstate(name = "tco.cnt1")]
    pub cnt1: u16,
    /// More control.
    #[vmstate(name = "tco.cnt2")]
    pub cnt2: u16,
    /// A message of the firmware's.
    #[vmstate(name = "tco.msg1")]
    pub msg1: u8,
    /// Another.
    #[vmstate(name = "tco.msg2")]
    pub msg2: u8,
    /// How far the boot is.
    #[vmstate(name = "tco.wdcnt")]
    pub wdcnt: u8,
    /// How long it waits.
    #[vmstate(name = "tco.tmr")]
    pub tmr: u16,
    /// Which interrupts software can cause.
    pub sw_irq_gen: u8,
    /// When it has waited long enough.
    #[vmstate(timer)]
    pub tco_timer: Option<u64>,
    /// The same, even while it stands still.
    pub expire_time: i64,
    /// How often it has waited in vain.
    pub timeouts_no: u8,
}

/// What is known about PCI devices that are plugged behind bridges.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ich9_pm/pcihp")]
pub struct PmPciHotplug {
    /// Which bus the registers are about.
    #[vmstate(name = "acpi_pci_hotplug.hotplug_select")]
    pub hotplug_select: u32,
    /// The slots of each bus.
    #[vmstate(name = "acpi_pci_hotplug.acpi_pcihp_pci_status")]
    #[default(zeros())]
    pub slots: Box<[PciHotplug; 256]>,
    /// The device whose number the guest wants to know.
    #[vmstate(name = "acpi_pci_hotplug.acpi_index", when = |hotplug| hotplug.has_acpi_index)]
    pub acpi_index: u32,
    /// Whether it can want that.
    #[vmstate(skip = "a property, which the machine's type sets")]
    #[default(true)]
    pub has_acpi_index: bool,
}

/// The controller of the system management bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ich9_smb")]
pub struct Ich9SmBus {
    /// The device on the bus.
    #[vmstate(name = "dev")]
    pub pci: PciDevice,
    /// Whether it interrupts.
    #[vmstate(when = |smb| smb.has_state)]
    pub irq_enabled: bool,
    /// The controller.
    #[vmstate(when = |smb| smb.has_state)]
    pub smb: SmBus,
    /// Whether more than the PCI device is sent; not before `pc-q35-2.12`.
    #[vmstate(skip = "a property of the device, which the machine's type sets")]
    #[default(true)]
    pub has_state: bool,
}
