//! SATA: QEMU's section "ich9_ahci".
//!
//! The fields are those of QEMU's `vmstate_ich9_ahci` (`hw/ide/ich.c`), `vmstate_ahci`, `vmstate_ahci_device` and
//! `vmstate_ncq_tfs` (`hw/ide/ahci.c`). The number of ports is an `i32` in 7.2 and an `u32` in 10.0.

use smart_default::SmartDefault;
use vmstate::Info;
use vmstate::prelude::*;

use super::ide::{Bus, Drive};
use super::pci::PciDevice;

/// The most ports that there can be.
const MAX_PORTS: usize = 32;

/// The controller of the chipset ICH9. `N` is the type that the number of ports has.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ich9_ahci")]
pub struct Ich9Ahci<N: PortCount> {
    /// The device on the bus.
    #[vmstate(name = "parent_obj")]
    pub pci: PciDevice,
    /// The controller.
    pub ahci: Ahci<N>,
}

/// What type the number of ports has.
pub trait PortCount: Sized + From<u8> {
    /// How it is compared.
    type Equal: Info<Self>;
}

impl PortCount for i32 {
    type Equal = vmstate::info::equal::Equal;
}

impl PortCount for u32 {
    type Equal = vmstate::info::equal::Equal;
}

/// The controller itself.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ahci")]
pub struct Ahci<N: PortCount> {
    /// The ports.
    #[vmstate(name = "dev", len = dev_count, max = MAX_PORTS, ambiguous = "QEMU has it so")]
    #[default(vec![Port::default(); 6])]
    pub devs: Vec<Port>,
    /// What it can do.
    #[vmstate(name = "control_regs.cap")]
    pub cap: u32,
    /// Whether it is on.
    #[vmstate(name = "control_regs.ghc")]
    pub ghc: u32,
    /// Which ports interrupt.
    #[vmstate(name = "control_regs.irqstatus")]
    pub irqstatus: u32,
    /// Which ports there are.
    #[vmstate(name = "control_regs.impl")]
    pub implemented: u32,
    /// Which version of the specification it follows.
    #[vmstate(name = "control_regs.version")]
    pub version: u32,
    /// Which register is accessed next by its number.
    pub idp_index: u32,
    /// How many ports there are.
    #[vmstate(with = N::Equal)]
    #[default(6.into())]
    pub ports: N,
    /// The same, known before it is read.
    #[vmstate(skip = "fixed when the controller is built")]
    #[default(6)]
    pub dev_count: u32,
}

/// A port, with at most one drive.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ahci port")]
pub struct Port {
    /// The bus that it is.
    #[vmstate(name = "port", ambiguous = "QEMU has it so")]
    pub bus: Bus,
    /// The drive.
    #[vmstate(name = "port.ifs[0]", ambiguous = "QEMU has it so")]
    pub drive: Drive,
    /// Whether it runs.
    pub port_state: u32,
    /// Which commands are done.
    pub finished: u32,
    /// Where the list of commands is.
    #[vmstate(name = "port_regs.lst_addr")]
    pub lst_addr: u32,
    /// The upper half of that.
    #[vmstate(name = "port_regs.lst_addr_hi")]
    pub lst_addr_hi: u32,
    /// Where answers go.
    #[vmstate(name = "port_regs.fis_addr")]
    pub fis_addr: u32,
    /// The upper half of that.
    #[vmstate(name = "port_regs.fis_addr_hi")]
    pub fis_addr_hi: u32,
    /// Why it interrupts.
    #[vmstate(name = "port_regs.irq_stat")]
    pub irq_stat: u32,
    /// What may interrupt.
    #[vmstate(name = "port_regs.irq_mask")]
    pub irq_mask: u32,
    /// The command.
    #[vmstate(name = "port_regs.cmd")]
    pub cmd: u32,
    /// The drive's status and error.
    #[vmstate(name = "port_regs.tfdata")]
    pub tfdata: u32,
    /// What kind of drive it is.
    #[vmstate(name = "port_regs.sig")]
    pub sig: u32,
    /// The status of the link.
    #[vmstate(name = "port_regs.scr_stat")]
    pub scr_stat: u32,
    /// Control of the link.
    #[vmstate(name = "port_regs.scr_ctl")]
    pub scr_ctl: u32,
    /// Errors of the link.
    #[vmstate(name = "port_regs.scr_err")]
    pub scr_err: u32,
    /// Which queued commands are active.
    #[vmstate(name = "port_regs.scr_act")]
    pub scr_act: u32,
    /// Which commands are to be done.
    #[vmstate(name = "port_regs.cmd_issue")]
    pub cmd_issue: u32,
    /// Whether the first block of a transfer has passed.
    pub done_first_drq: bool,
    /// The command that is being done; -1 if none.
    pub busy_slot: i32,
    /// Whether the drive has introduced itself.
    pub init_d2h_sent: bool,
    /// Queued commands.
    pub ncq_tfs: [QueuedCommand; 32],
}

/// A queued command.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ncq state")]
pub struct QueuedCommand {
    /// How many sectors.
    pub sector_count: u32,
    /// The first of them.
    pub lba: u64,
    /// Its number.
    pub tag: u8,
    /// What it is.
    pub cmd: u8,
    /// Its place in the list of commands.
    pub slot: u8,
    /// Whether there is one.
    pub used: bool,
    /// Whether it has failed and is to be tried again.
    pub halt: bool,
}
