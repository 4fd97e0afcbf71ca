//! What several machines have for ACPI: registers, the system management bus, hot-plugging of memory, of processors and of
//! PCI devices.
//!
//! The fields are those of QEMU's `vmstate_apm` (`hw/isa/apm.c`), `pmsmb_vmstate` (`hw/i2c/pm_smbus.c`),
//! `vmstate_memory_hotplug` and `vmstate_memhp_sts` (`hw/acpi/memory_hotplug.c`), `vmstate_cpu_hotplug` and
//! `vmstate_cpuhp_sts` (`hw/acpi/cpu.c`), and `vmstate_acpi_pcihp_pci_status` (`hw/acpi/pcihp.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// How many modules of memory there can be.
const MAX_MODULES: usize = 256;
/// How many processors there can be.
const MAX_CPUS: usize = 4096;

/// The control of power management that firmware and system agree on.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "APM State")]
pub struct Apm {
    /// The command.
    pub apmc: u8,
    /// The status.
    pub apms: u8,
}

/// The controller of the system management bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "pmsmb")]
pub struct SmBus {
    /// The status.
    pub smb_stat: u8,
    /// The control register.
    pub smb_ctl: u8,
    /// The command.
    pub smb_cmd: u8,
    /// The address, and whether it reads.
    pub smb_addr: u8,
    /// The first byte of data.
    pub smb_data0: u8,
    /// The second.
    pub smb_data1: u8,
    /// The next byte of a block.
    pub smb_index: u32,
    /// A block.
    pub smb_data: [u8; 32],
    /// Control of what is newer.
    pub smb_auxctl: u8,
    /// How many bytes of a block are meant.
    pub smb_blkdata: u8,
    /// Whether the bus speaks I2C.
    pub i2c_enable: bool,
    /// Whether the last operation is done.
    #[default(true)]
    pub op_done: bool,
    /// Whether a block is being read in the I2C way.
    pub in_i2c_block_read: bool,
    /// Whether an operation starts when the status is read.
    pub start_transaction_on_status_read: bool,
}

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

/// What is known about processors that can be plugged.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "CPU hotplug state")]
pub struct CpuHotplug {
    /// Which processor the registers are about.
    pub selector: u32,
    /// What the guest wants to know about it.
    pub command: u8,
    /// How many processors there can be.
    #[vmstate(skip = "fixed when the machine is built")]
    pub dev_count: u32,
    /// The processors.
    #[vmstate(len = dev_count, max = MAX_CPUS)]
    pub devs: Vec<CpuSlot>,
}

/// A processor, or its place.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "CPU hotplug device state")]
pub struct CpuSlot {
    /// Whether it has just been plugged.
    pub is_inserting: bool,
    /// Whether it is to be unplugged.
    pub is_removing: bool,
    /// What the guest was doing with it.
    pub ost_event: u32,
    /// How that went.
    pub ost_status: u32,
}

/// The slots of a PCI bus, a bit each.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "acpi_pcihp_pci_status")]
pub struct PciHotplug {
    /// In which a device was plugged.
    pub up: u32,
    /// From which the device is to be taken.
    pub down: u32,
}
