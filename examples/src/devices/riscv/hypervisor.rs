//! The hypervisor registers.

use vmstate::prelude::*;

use super::{Xlen, low_half, widened};

/// QEMU's `vmstate_hyper`: version 2 in 7.2, version 4 in 10.0.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(
    name = "cpu/hyper",
    version = 4,
    minimum_version = 2,
    post_load = Self::take_over,
    pre_save = Self::prepare
)]
pub struct Hypervisor<X: Xlen> {
    /// The status of the guest.
    #[vmstate(name = "env.hstatus")]
    pub hstatus: X,
    /// The exceptions delegated to the guest.
    #[vmstate(name = "env.hedeleg")]
    pub hedeleg: X,
    /// The interrupts delegated to the guest.
    #[vmstate(name = "env.hideleg")]
    pub hideleg: u64,
    /// `hcounteren`, with the width of a register.
    #[vmstate(name = "env.hcounteren", until = 2)]
    pub hcounteren_of_7_2: X,
    /// The counters that the guest may read.
    #[vmstate(name = "env.hcounteren", since = 4)]
    pub hcounteren: u32,
    /// The trap value.
    #[vmstate(name = "env.htval")]
    pub htval: X,
    /// The trapped instruction.
    #[vmstate(name = "env.htinst")]
    pub htinst: X,
    /// The second-stage page table.
    #[vmstate(name = "env.hgatp")]
    pub hgatp: X,
    /// The enabled external interrupts of guests.
    #[vmstate(name = "env.hgeie")]
    pub hgeie: X,
    /// The pending external interrupts of guests.
    #[vmstate(name = "env.hgeip")]
    pub hgeip: X,
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
    /// The control of virtual interrupts.
    #[vmstate(name = "env.hvictl")]
    pub hvictl: X,
    /// The priorities of the guest's interrupts.
    #[vmstate(name = "env.hviprio")]
    pub hviprio: [[u8; 8]; 8],
    /// The guest's `sstatus`.
    #[vmstate(name = "env.vsstatus")]
    pub vsstatus: u64,
    /// The guest's `stvec`.
    #[vmstate(name = "env.vstvec")]
    pub vstvec: X,
    /// The guest's `sscratch`.
    #[vmstate(name = "env.vsscratch")]
    pub vsscratch: X,
    /// The guest's `sepc`.
    #[vmstate(name = "env.vsepc")]
    pub vsepc: X,
    /// The guest's `scause`.
    #[vmstate(name = "env.vscause")]
    pub vscause: X,
    /// The guest's `stval`.
    #[vmstate(name = "env.vstval")]
    pub vstval: X,
    /// The guest's `satp`.
    #[vmstate(name = "env.vsatp")]
    pub vsatp: X,
    /// The guest's `siselect`.
    #[vmstate(name = "env.vsiselect")]
    pub vsiselect: X,
    /// The guest's `sie`.
    #[vmstate(name = "env.vsie", since = 4)]
    pub vsie: u64,
    /// The guest-physical address of the last trap to machine mode.
    #[vmstate(name = "env.mtval2")]
    pub mtval2: X,
    /// The instruction of the last trap to machine mode.
    #[vmstate(name = "env.mtinst")]
    pub mtinst: X,
    /// `stvec` of the inactive mode: the hypervisor's while its guest runs.
    #[vmstate(name = "env.stvec_hs")]
    pub stvec_hs: X,
    /// `sscratch` of the inactive mode.
    #[vmstate(name = "env.sscratch_hs")]
    pub sscratch_hs: X,
    /// `sepc` of the inactive mode.
    #[vmstate(name = "env.sepc_hs")]
    pub sepc_hs: X,
    /// `scause` of the inactive mode.
    #[vmstate(name = "env.scause_hs")]
    pub scause_hs: X,
    /// `stval` of the inactive mode.
    #[vmstate(name = "env.stval_hs")]
    pub stval_hs: X,
    /// `satp` of the inactive mode.
    #[vmstate(name = "env.satp_hs")]
    pub satp_hs: X,
    /// `mstatus` of the inactive mode.
    #[vmstate(name = "env.mstatus_hs")]
    pub mstatus_hs: u64,
}

impl<X: Xlen> Hypervisor<X> {
    fn take_over(&mut self, version: u32) {
        if version == 2 {
            self.hcounteren = low_half(self.hcounteren_of_7_2);
        }
    }

    fn prepare(&mut self, version: u32) {
        if version == 2 {
            self.hcounteren_of_7_2 = widened(self.hcounteren_of_7_2, self.hcounteren);
        }
    }
}
