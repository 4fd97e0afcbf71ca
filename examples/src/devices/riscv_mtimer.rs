//! The timer of RISC-V's core-local interruptor: QEMU's section "riscv_mtimer".
//!
//! The fields follow QEMU's `vmstate_riscv_mtimer` (`hw/intc/riscv_aclint.c`).

use vmstate::prelude::*;

/// The timers of up to `HARTS` harts.
///
/// QEMU knows the number of harts from its command line and sends no count.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "riscv_mtimer")]
pub struct Mtimer<const HARTS: usize = 1> {
    /// The number of harts.
    #[vmstate(skip = "fixed when the machine is built")]
    pub num_harts: u32,
    /// The compare value of each hart.
    #[vmstate(len = num_harts)]
    pub timecmp: [u64; HARTS],
}

impl<const HARTS: usize> Default for Mtimer<HARTS> {
    fn default() -> Self {
        Self { num_harts: u32::try_from(HARTS).unwrap_or(u32::MAX), timecmp: [0; HARTS] }
    }
}
