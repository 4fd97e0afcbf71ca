//! ACPI state that several machines share: power management registers, the SMBus controller, and hotplug of memory,
//! processors and PCI devices.
//!
//! The fields follow QEMU's `vmstate_apm` (`hw/isa/apm.c`), `pmsmb_vmstate` (`hw/i2c/pm_smbus.c`),
//! `vmstate_memory_hotplug` and `vmstate_memhp_sts` (`hw/acpi/memory_hotplug.c`), `vmstate_cpu_hotplug` and
//! `vmstate_cpuhp_sts` (`hw/acpi/cpu.c`), and `vmstate_acpi_pcihp_pci_status` (`hw/acpi/pcihp.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The maximum number of memory slots.
const MAX_MODULES: usize = 256;
/// The maximum number of processors.
const MAX_CPUS: usize = 4096;

/// The APM ports through which the operating system calls the firmware.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "APM State")]
pub struct Apm {
    /// The command.
    pub apmc: u8,
    /// The status.
    pub apms: u8,
}

/// The SMBus controller.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "pmsmb")]
pub struct SmBus {
    /// The status.
    pub smb_stat: u8,
    /// The control register.
    pub smb_ctl: u8,
    /// The command.
    pub smb_cmd: u8,
    /// The address and the read bit.
    pub smb_addr: u8,
    /// The first data byte.
    pub smb_data0: u8,
    /// The second data byte.
    pub smb_data1: u8,
    /// The next byte of a block.
    pub smb_index: u32,
    /// A block.
    pub smb_data: [u8; 32],
    /// The auxiliary control register.
    pub smb_auxctl: u8,
    /// The length of a block transfer.
    pub smb_blkdata: u8,
    /// True if I2C mode is enabled.
    pub i2c_enable: bool,
    /// True if the last operation is complete.
    #[default(true)]
    pub op_done: bool,
    /// True if an I2C block read is in progress.
    pub in_i2c_block_read: bool,
    /// True if reading the status starts the operation.
    pub start_transaction_on_status_read: bool,
}

/// The memory hotplug registers.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "memory hotplug state")]
pub struct MemoryHotplug {
    /// The selected slot.
    pub selector: u32,
    /// The number of slots.
    #[vmstate(skip = "fixed when the machine is built")]
    pub dev_count: u32,
    /// The slots.
    #[vmstate(len = dev_count, max = MAX_MODULES)]
    pub devs: Vec<MemoryModule>,
}

/// A memory slot.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "memory hotplug device state")]
pub struct MemoryModule {
    /// True if the memory is enabled.
    pub is_enabled: bool,
    /// True if an insertion is pending.
    pub is_inserting: bool,
    /// The event reported by the guest (`_OST`).
    pub ost_event: u32,
    /// The status reported by the guest (`_OST`).
    pub ost_status: u32,
}

/// The processor hotplug registers of a machine with one processor. QEMU 11.1 always sends them.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "CPU hotplug state")]
pub struct CpuHotplug {
    /// The selected processor.
    pub selector: u32,
    /// The selected command.
    pub command: u8,
    /// The number of processors.
    #[vmstate(skip = "fixed when the machine is built")]
    #[default(1)]
    pub dev_count: u32,
    /// The processors.
    #[vmstate(len = dev_count, max = MAX_CPUS)]
    #[default(vec![CpuSlot::default()])]
    pub devs: Vec<CpuSlot>,
}

/// A processor slot.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "CPU hotplug device state")]
pub struct CpuSlot {
    /// True if an insertion is pending.
    pub is_inserting: bool,
    /// True if a removal is pending.
    pub is_removing: bool,
    /// The event reported by the guest (`_OST`).
    pub ost_event: u32,
    /// The status reported by the guest (`_OST`).
    pub ost_status: u32,
}

/// The slots of a PCI bus, one bit each.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "acpi_pcihp_pci_status")]
pub struct PciHotplug {
    /// Slots with a pending insertion.
    pub up: u32,
    /// Slots with a pending removal.
    pub down: u32,
}
