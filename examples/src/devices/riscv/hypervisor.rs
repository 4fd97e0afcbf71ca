//! The hypervisor registers.

use vmstate::prelude::*;

use super::narrow::{narrowed, widened};

/// QEMU's `vmstate_hyper`: version 2 in 7.2, version 4 in 10.0, version 5 in 11.1.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(
    name = "cpu/hyper",
    version = 5,
    minimum_version = 2,
    post_load = Self::take_over,
    pre_save = Self::prepare
)]
pub struct Hypervisor {
    /// The status of the guest.
    #[vmstate(name = "env.hstatus")]
    pub hstatus: u64,
    /// The exceptions delegated to the guest.
    #[vmstate(name = "env.hedeleg")]
    pub hedeleg: u64,
    /// The interrupts delegated to the guest.
    #[vmstate(name = "env.hideleg")]
    pub hideleg: u64,
    /// `hcounteren`, with the width of a register.
    #[vmstate(name = "env.hcounteren", until = 2)]
    pub hcounteren_of_7_2: u64,
    /// The counters that the guest may read.
    #[vmstate(name = "env.hcounteren", since = 4)]
    pub hcounteren: u32,
    /// The trap value.
    #[vmstate(name = "env.htval")]
    pub htval: u64,
    /// The trapped instruction.
    #[vmstate(name = "env.htinst")]
    pub htinst: u64,
    /// The second-stage page table.
    #[vmstate(name = "env.hgatp")]
    pub hgatp: u64,
    /// The enabled external interrupts of guests.
    #[vmstate(name = "env.hgeie")]
    pub hgeie: u64,
    /// The pending external interrupts of guests.
    #[vmstate(name = "env.hgeip")]
    pub hgeip: u64,
    /// The enabled virtual interrupts.
    #[vmstate(name = "env.hvien", since = 4)]
    pub hvien: u64,
    /// The pending virtual interrupts.
    #[vmstate(name = "env.hvip", since = 4)]
    pub hvip: u64,
    /// The offset of the guest's time.
    #[vmstate(name = "env.htimedelta")]
    pub htimedelta: u64,
    /// The guest timer's compare value.
    #[vmstate(name = "env.vstimecmp")]
    pub vstimecmp: u64,
    /// `hvictl` with the width of a register, up to QEMU 10.0.
    #[vmstate(name = "env.hvictl", until = 4)]
    pub wide_hvictl: u64,
    /// The control of virtual interrupts.
    #[vmstate(name = "env.hvictl", since = 5)]
    pub hvictl: u32,
    /// The priorities of the guest's interrupts.
    #[vmstate(name = "env.hviprio")]
    pub hviprio: [[u8; 8]; 8],
    /// The guest's `sstatus`.
    #[vmstate(name = "env.vsstatus")]
    pub vsstatus: u64,
    /// The guest's `stvec`.
    #[vmstate(name = "env.vstvec")]
    pub vstvec: u64,
    /// The guest's `sscratch`.
    #[vmstate(name = "env.vsscratch")]
    pub vsscratch: u64,
    /// The guest's `sepc`.
    #[vmstate(name = "env.vsepc")]
    pub vsepc: u64,
    /// The guest's `scause`.
    #[vmstate(name = "env.vscause")]
    pub vscause: u64,
    /// The guest's `stval`.
    #[vmstate(name = "env.vstval")]
    pub vstval: u64,
    /// The guest's `satp`.
    #[vmstate(name = "env.vsatp")]
    pub vsatp: u64,
    /// `vsiselect` with the width of a register, up to QEMU 10.0.
    #[vmstate(name = "env.vsiselect", until = 4)]
    pub wide_vsiselect: u64,
    /// The guest's `siselect`.
    #[vmstate(name = "env.vsiselect", since = 5)]
    pub vsiselect: u16,
    /// The guest's `sie`.
    #[vmstate(name = "env.vsie", since = 4)]
    pub vsie: u64,
    /// The guest-physical address of the last trap to machine mode.
    #[vmstate(name = "env.mtval2")]
    pub mtval2: u64,
    /// The instruction of the last trap to machine mode.
    #[vmstate(name = "env.mtinst")]
    pub mtinst: u64,
    /// `stvec` of the inactive mode: the hypervisor's while its guest runs.
    #[vmstate(name = "env.stvec_hs")]
    pub stvec_hs: u64,
    /// `sscratch` of the inactive mode.
    #[vmstate(name = "env.sscratch_hs")]
    pub sscratch_hs: u64,
    /// `sepc` of the inactive mode.
    #[vmstate(name = "env.sepc_hs")]
    pub sepc_hs: u64,
    /// `scause` of the inactive mode.
    #[vmstate(name = "env.scause_hs")]
    pub scause_hs: u64,
    /// `stval` of the inactive mode.
    #[vmstate(name = "env.stval_hs")]
    pub stval_hs: u64,
    /// `satp` of the inactive mode.
    #[vmstate(name = "env.satp_hs")]
    pub satp_hs: u64,
    /// `mstatus` of the inactive mode.
    #[vmstate(name = "env.mstatus_hs")]
    pub mstatus_hs: u64,
}

impl Hypervisor {
    fn take_over(&mut self, version: u32) {
        if version == 2 {
            self.hcounteren = narrowed(self.hcounteren_of_7_2);
        }
        if version <= 4 {
            self.hvictl = narrowed(self.wide_hvictl);
            self.vsiselect = narrowed(self.wide_vsiselect);
        }
    }

    fn prepare(&mut self, version: u32) {
        if version == 2 {
            self.hcounteren_of_7_2 = widened(self.hcounteren_of_7_2, self.hcounteren);
        }
        if version <= 4 {
            self.wide_hvictl = widened(self.wide_hvictl, self.hvictl);
            self.wide_vsiselect = widened(self.wide_vsiselect, self.vsiselect);
        }
    }
}
