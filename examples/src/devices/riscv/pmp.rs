//! The protection of physical memory.

use vmstate::prelude::*;

use super::Xlen;

/// All of it: QEMU's `vmstate_pmp`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmp")]
pub struct Pmp<X: Xlen> {
    /// The regions, earlier ones first.
    #[vmstate(name = "env.pmp_state.pmp")]
    pub entries: [PmpEntry<X>; 16],
}

/// A region.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmp/entry")]
pub struct PmpEntry<X: Xlen> {
    /// Its address, a quarter of it.
    pub addr_reg: X,
    /// What is allowed there, and how the address is meant.
    pub cfg_reg: u8,
}
