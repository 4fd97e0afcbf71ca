//! The Q35 chipset: QEMU's sections "mch", "ICH9LPC" and "ich9_smb".
//!
//! The fields follow QEMU's `vmstate_mch` (`hw/pci-host/q35.c`), `vmstate_ich9_lpc` and its subsections
//! (`hw/isa/lpc_ich9.c`), `vmstate_ich9_pm` and its subsections (`hw/acpi/ich9.c`), `vmstate_tco_io_sts`
//! (`hw/acpi/ich9_tco.c`) and `vmstate_ich9_smbus` (`hw/i2c/smbus_ich9.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::acpi::{Apm, CpuHotplug, MemoryHotplug, PciHotplug, SmBus};
use super::pci::{PciDevice, identities};
use super::zeros;

/// The host bridge.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "mch")]
pub struct Mch {
    /// The PCI device.
    #[vmstate(name = "parent_obj")]
    #[default(PciDevice::new(&identities::MCH))]
    pub pci: PciDevice,
    /// Padding of the former SMM state.
    #[vmstate(name = "unused")]
    pub was_smm_enabled: Unused<1>,
}

/// The ISA bridge.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ICH9LPC")]
pub struct Lpc {
    /// The PCI device.
    #[vmstate(name = "d")]
    #[default(PciDevice::new(&identities::ICH9_LPC))]
    pub pci: PciDevice,
    /// The APM ports.
    pub apm: Apm,
    /// Power management.
    #[vmstate(ambiguous = "QEMU's layout")]
    pub pm: Pm,
    /// The chipset configuration registers.
    #[default(zeros())]
    pub chip_config: Box<[u8; 0x4000]>,
    /// The level of the SCI.
    pub sci_level: u32,
    /// The reset control register.
    #[vmstate(subsection("ICH9LPC/rst_cnt", needed = |lpc| lpc.rst_cnt != 0))]
    pub rst_cnt: u8,
    /// The SMI features negotiated with the firmware.
    #[vmstate(subsection)]
    pub smi_features: SmiFeatures,
}

/// The negotiation of SMI features with the firmware.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ICH9LPC/smi_feat", needed = |smi| smi.guest_features != [0; 8] || smi.features_ok != 0)]
pub struct SmiFeatures {
    /// The features requested by the firmware, in little-endian order.
    #[vmstate(name = "smi_guest_features_le")]
    pub guest_features: [u8; 8],
    /// True if the request was accepted.
    #[vmstate(name = "smi_features_ok")]
    pub features_ok: u8,
    /// The negotiated features.
    #[vmstate(name = "smi_negotiated_features")]
    pub negotiated_features: u64,
}

/// Power management.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ich9_pm")]
pub struct Pm {
    /// The PM1 status: pending events.
    #[vmstate(name = "acpi_regs.pm1.evt.sts")]
    pub pm1_status: u16,
    /// The PM1 enable register.
    #[vmstate(name = "acpi_regs.pm1.evt.en")]
    pub pm1_enable: u16,
    /// The PM1 control register.
    #[vmstate(name = "acpi_regs.pm1.cnt.cnt")]
    pub pm1_control: u16,
    /// The overflow timer.
    #[vmstate(name = "acpi_regs.tmr.timer", timer)]
    pub timer: Option<u64>,
    /// The overflow time in ticks.
    #[vmstate(name = "acpi_regs.tmr.overflow_time")]
    pub overflow_time: i64,
    /// The general-purpose event status.
    #[vmstate(name = "acpi_regs.gpe.sts")]
    pub gpe_status: [u8; 16],
    /// The general-purpose event enable register.
    #[vmstate(name = "acpi_regs.gpe.en")]
    pub gpe_enable: [u8; 16],
    /// The SMI enable register.
    pub smi_en: u32,
    /// The SMI status register.
    pub smi_sts: u32,
    /// The memory hotplug registers.
    #[vmstate(name = "acpi_memory_hotplug", subsection("ich9_pm/memhp"))]
    pub memory_hotplug: Option<MemoryHotplug>,
    /// The watchdog, on machines that have it.
    #[vmstate(name = "tco_regs", subsection("ich9_pm/tco"))]
    pub tco: Option<Tco>,
    /// The processor hotplug registers.
    #[vmstate(name = "cpuhp_state", subsection("ich9_pm/cpuhp"))]
    pub cpu_hotplug: Option<CpuHotplug>,
    /// The PCI hotplug registers of bridges, on machines with ACPI PCI hotplug.
    #[vmstate(subsection)]
    pub pci_hotplug: Option<PmPciHotplug>,
}

/// The TCO watchdog.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "tco io device status")]
pub struct Tco {
    /// The reload register.
    #[vmstate(name = "tco.rld")]
    pub rld: u16,
    /// The data in register, which causes an SMI.
    #[vmstate(name = "tco.din")]
    pub din: u8,
    /// The data out register, which causes an interrupt.
    #[vmstate(name = "tco.dout")]
    pub dout: u8,
    /// Status register 1.
    #[vmstate(name = "tco.sts1")]
    pub sts1: u16,
    /// Status register 2.
    #[vmstate(name = "tco.sts2")]
    pub sts2: u16,
    /// Control register 1.
    #[vmstate(name = "tco.cnt1")]
    pub cnt1: u16,
    /// Control register 2.
    #[vmstate(name = "tco.cnt2")]
    pub cnt2: u16,
    /// Message register 1.
    #[vmstate(name = "tco.msg1")]
    pub msg1: u8,
    /// Message register 2.
    #[vmstate(name = "tco.msg2")]
    pub msg2: u8,
    /// The boot progress.
    #[vmstate(name = "tco.wdcnt")]
    pub wdcnt: u8,
    /// The timeout.
    #[vmstate(name = "tco.tmr")]
    pub tmr: u16,
    /// The software interrupt generation register.
    pub sw_irq_gen: u8,
    /// The expiry of the watchdog.
    #[vmstate(timer)]
    pub tco_timer: Option<u64>,
    /// The same, even while the timer is stopped.
    pub expire_time: i64,
    /// The number of timeouts.
    pub timeouts_no: u8,
}

/// The PCI hotplug registers of bridges.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ich9_pm/pcihp")]
pub struct PmPciHotplug {
    /// The selected bus.
    #[vmstate(name = "acpi_pci_hotplug.hotplug_select")]
    pub hotplug_select: u32,
    /// The slots of each bus.
    #[vmstate(name = "acpi_pci_hotplug.acpi_pcihp_pci_status")]
    #[default(zeros())]
    pub slots: Box<[PciHotplug; 256]>,
    /// The device whose ACPI index the guest reads.
    #[vmstate(name = "acpi_pci_hotplug.acpi_index", when = |hotplug| hotplug.has_acpi_index)]
    pub acpi_index: u32,
    /// True if the guest can read it.
    #[vmstate(skip = "a property, which the machine's type sets")]
    #[default(true)]
    pub has_acpi_index: bool,
}

/// The SMBus controller.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ich9_smb")]
pub struct Ich9SmBus {
    /// The PCI device.
    #[vmstate(name = "dev")]
    #[default(PciDevice::new(&identities::ICH9_SMBUS))]
    pub pci: PciDevice,
    /// The interrupt level.
    #[vmstate(when = |smb| smb.has_state)]
    pub irq_enabled: bool,
    /// The SMBus state.
    #[vmstate(when = |smb| smb.has_state)]
    pub smb: SmBus,
    /// True if more than the PCI device is sent; not before `pc-q35-2.12`.
    #[vmstate(skip = "a property of the device, which the machine's type sets")]
    #[default(true)]
    pub has_state: bool,
}
