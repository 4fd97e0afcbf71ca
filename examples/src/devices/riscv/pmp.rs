//! Physical memory protection.

use vmstate::prelude::*;

use super::Xlen;

/// The protection state: QEMU's `vmstate_pmp`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmp")]
pub struct Pmp<X: Xlen> {
    /// The regions in order of priority.
    #[vmstate(name = "env.pmp_state.pmp")]
    pub entries: [PmpEntry<X>; 16],
}

/// A region.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmp/entry")]
pub struct PmpEntry<X: Xlen> {
    /// The address divided by four.
    pub addr_reg: X,
    /// The permissions and the address mode.
    pub cfg_reg: u8,
}
