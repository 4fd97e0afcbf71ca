//! Physical memory protection.

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The protection state: QEMU's `vmstate_pmp`. Version 2 of QEMU 11.1 has 64 regions instead of 16.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "cpu/pmp", version = 2, post_load = Self::take_over, pre_save = Self::prepare)]
pub struct Pmp {
    /// The regions of QEMU 7.2 and 10.0.
    #[vmstate(name = "env.pmp_state.pmp", until = 1)]
    pub entries_of_10_0: [PmpEntryOf10_0; 16],
    /// The regions in order of priority.
    #[vmstate(name = "env.pmp_state.pmp", since = 2)]
    #[default(super::super::zeros())]
    pub entries: Box<[PmpEntry; 64]>,
}

/// A region.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmp/entry", version = 2, minimum_version = 2)]
pub struct PmpEntry {
    /// The address divided by four.
    pub addr_reg: u64,
    /// The permissions and the address mode.
    pub cfg_reg: u8,
}

/// A region of QEMU 7.2 and 10.0.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmp/entry")]
pub struct PmpEntryOf10_0 {
    /// The address divided by four.
    pub addr_reg: u64,
    /// The permissions and the address mode.
    pub cfg_reg: u8,
}

impl Pmp {
    fn take_over(&mut self, version: u32) {
        if version == 1 {
            self.entries = super::super::zeros();
            for (new, old) in self.entries.iter_mut().zip(&self.entries_of_10_0) {
                *new = PmpEntry { addr_reg: old.addr_reg, cfg_reg: old.cfg_reg };
            }
        }
    }

    fn prepare(&mut self, version: u32) {
        if version == 1 {
            for (old, new) in self.entries_of_10_0.iter_mut().zip(&*self.entries) {
                *old = PmpEntryOf10_0 { addr_reg: new.addr_reg, cfg_reg: new.cfg_reg };
            }
        }
    }
}
