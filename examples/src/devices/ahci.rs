//! The AHCI (SATA) controller: QEMU's section "ich9_ahci".
//!
//! The fields follow QEMU's `vmstate_ich9_ahci` (`hw/ide/ich.c`), `vmstate_ahci`, `vmstate_ahci_device` and
//! `vmstate_ncq_tfs` (`hw/ide/ahci.c`). The number of ports is an `i32` in 7.2 and an `u32` in 10.0.

use smart_default::SmartDefault;
use vmstate::Info;
use vmstate::prelude::*;

use super::ide::{Bus, Drive};
use super::pci::{PciDevice, identities};

/// The maximum number of ports.
const MAX_PORTS: usize = 32;

/// The controller of the ICH9 chipset. `N` is the type of the field with the number of ports.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ich9_ahci", minimum_version = 0)]
pub struct Ich9Ahci<N: PortCount> {
    /// The PCI device.
    #[vmstate(name = "parent_obj")]
    #[default(PciDevice::new(&identities::ICH9_AHCI))]
    pub pci: PciDevice,
    /// The controller.
    pub ahci: Ahci<N>,
}

/// The type of the field with the number of ports.
pub trait PortCount: Sized + From<u8> {
    /// The info that compares the number.
    type Equal: Info<Self>;
}

impl PortCount for i32 {
    type Equal = vmstate::info::equal::Equal;
}

impl PortCount for u32 {
    type Equal = vmstate::info::equal::Equal;
}

/// The AHCI state.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ahci", minimum_version = 0)]
pub struct Ahci<N: PortCount> {
    /// The ports.
    #[vmstate(name = "dev", len = dev_count, max = MAX_PORTS, ambiguous = "QEMU's layout")]
    #[default(vec![Port::default(); 6])]
    pub devs: Vec<Port>,
    /// The capabilities.
    #[vmstate(name = "control_regs.cap")]
    pub cap: u32,
    /// The global control register.
    #[vmstate(name = "control_regs.ghc")]
    pub ghc: u32,
    /// The interrupt status of the ports.
    #[vmstate(name = "control_regs.irqstatus")]
    pub irqstatus: u32,
    /// The implemented ports.
    #[vmstate(name = "control_regs.impl")]
    pub implemented: u32,
    /// The version of the specification.
    #[vmstate(name = "control_regs.version")]
    pub version: u32,
    /// The selected register of the index/data pair.
    pub idp_index: u32,
    /// The number of ports.
    #[vmstate(with = N::Equal)]
    #[default(6.into())]
    pub ports: N,
    /// The same number, known before it is read.
    #[vmstate(skip = "fixed when the controller is built")]
    #[default(6)]
    pub dev_count: u32,
}

/// A port with at most one drive.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ahci port", minimum_version = 0)]
pub struct Port {
    /// The IDE bus of the port.
    #[vmstate(name = "port", ambiguous = "QEMU's layout")]
    pub bus: Bus,
    /// The drive.
    #[vmstate(name = "port.ifs[0]", ambiguous = "QEMU's layout")]
    pub drive: Drive,
    /// The state of the port, such as running.
    pub port_state: u32,
    /// The mask of completed commands.
    pub finished: u32,
    /// The address of the command list, low half.
    #[vmstate(name = "port_regs.lst_addr")]
    pub lst_addr: u32,
    /// The address of the command list, high half.
    #[vmstate(name = "port_regs.lst_addr_hi")]
    pub lst_addr_hi: u32,
    /// The address of received frames, low half.
    #[vmstate(name = "port_regs.fis_addr")]
    pub fis_addr: u32,
    /// The address of received frames, high half.
    #[vmstate(name = "port_regs.fis_addr_hi")]
    pub fis_addr_hi: u32,
    /// The interrupt status.
    #[vmstate(name = "port_regs.irq_stat")]
    pub irq_stat: u32,
    /// The interrupt enable register.
    #[vmstate(name = "port_regs.irq_mask")]
    pub irq_mask: u32,
    /// The command register.
    #[vmstate(name = "port_regs.cmd")]
    pub cmd: u32,
    /// The task file: status and error of the drive.
    #[vmstate(name = "port_regs.tfdata")]
    pub tfdata: u32,
    /// The signature, which is the kind of drive.
    #[vmstate(name = "port_regs.sig")]
    pub sig: u32,
    /// The link status.
    #[vmstate(name = "port_regs.scr_stat")]
    pub scr_stat: u32,
    /// The link control.
    #[vmstate(name = "port_regs.scr_ctl")]
    pub scr_ctl: u32,
    /// The link errors.
    #[vmstate(name = "port_regs.scr_err")]
    pub scr_err: u32,
    /// The active queued commands.
    #[vmstate(name = "port_regs.scr_act")]
    pub scr_act: u32,
    /// The issued commands.
    #[vmstate(name = "port_regs.cmd_issue")]
    pub cmd_issue: u32,
    /// True if the first block of a PIO transfer is done.
    pub done_first_drq: bool,
    /// The slot of the current command, or -1.
    pub busy_slot: i32,
    /// True if the drive has sent its signature.
    pub init_d2h_sent: bool,
    /// Queued commands.
    pub ncq_tfs: [QueuedCommand; 32],
}

/// A queued command.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ncq state", minimum_version = 0)]
pub struct QueuedCommand {
    /// The number of sectors.
    pub sector_count: u32,
    /// The first sector.
    pub lba: u64,
    /// The tag.
    pub tag: u8,
    /// The command.
    pub cmd: u8,
    /// The slot in the command list.
    pub slot: u8,
    /// True if the entry is in use.
    pub used: bool,
    /// True if the command failed and will be retried.
    pub halt: bool,
}
