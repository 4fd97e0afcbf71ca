//! The parallel port: QEMU's section "parallel_isa".
//!
//! The fields are those of QEMU's `vmstate_parallel_isa` (`hw/char/parallel.c`).

use vmstate::prelude::*;

/// The port on a PC's ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "parallel_isa")]
pub struct IsaParallel {
    /// What the PC has written.
    #[vmstate(name = "state.dataw")]
    pub dataw: u8,
    /// What the other side has.
    #[vmstate(name = "state.datar")]
    pub datar: u8,
    /// The status.
    #[vmstate(name = "state.status")]
    pub status: u8,
    /// The control register.
    #[vmstate(name = "state.control")]
    pub control: u8,
    /// Whether it wants to interrupt.
    #[vmstate(name = "state.irq_pending")]
    pub irq_pending: i32,
    /// Whether the other side did not answer in time.
    #[vmstate(name = "state.epp_timeout")]
    pub epp_timeout: i32,
}
