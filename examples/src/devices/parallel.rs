//! The parallel port: QEMU's section "parallel_isa".
//!
//! The fields follow QEMU's `vmstate_parallel_isa` (`hw/char/parallel.c`).

use vmstate::prelude::*;

/// The port on the ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "parallel_isa")]
pub struct IsaParallel {
    /// The data written by the PC.
    #[vmstate(name = "state.dataw")]
    pub dataw: u8,
    /// The data read by the PC.
    #[vmstate(name = "state.datar")]
    pub datar: u8,
    /// The status.
    #[vmstate(name = "state.status")]
    pub status: u8,
    /// The control register.
    #[vmstate(name = "state.control")]
    pub control: u8,
    /// True if an interrupt is pending.
    #[vmstate(name = "state.irq_pending")]
    pub irq_pending: i32,
    /// True if the EPP transfer timed out.
    #[vmstate(name = "state.epp_timeout")]
    pub epp_timeout: i32,
}
