//! The timer of RISC-V's core-local interruptor: QEMU's section "riscv_mtimer".
//!
//! The fields follow QEMU's `vmstate_riscv_mtimer` (`hw/intc/riscv_aclint.c`). QEMU 7.2 and 10.0 send only the compare
//! values (version 1), QEMU 11.1 also the offset and the timers (version 3).

use vmstate::prelude::*;
use vmstate::schema::Release;

/// The timers of up to `HARTS` harts.
///
/// QEMU knows the number of harts from its command line and sends no count.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "riscv_mtimer", version = 3)]
pub struct Mtimer<const HARTS: usize = 1> {
    /// The number of harts.
    #[vmstate(skip = "fixed when the machine is built")]
    pub num_harts: u32,
    /// The offset of the time that a program has set, in ticks.
    #[vmstate(since = 3, default)]
    pub time_delta: u64,
    /// The compare value of each hart.
    #[vmstate(len = num_harts)]
    pub timecmp: [u64; HARTS],
    /// The time in nanoseconds at which each hart's timer expires, if it is armed.
    #[vmstate(since = 3, timer, len = num_harts)]
    pub timers: [Option<u64>; HARTS],
}

/// Returns the version of a release.
#[must_use]
pub fn version(release: Release) -> u32 {
    if release >= Release::Qemu11_1 { 3 } else { 1 }
}

impl<const HARTS: usize> Default for Mtimer<HARTS> {
    fn default() -> Self {
        Self {
            num_harts: u32::try_from(HARTS).unwrap_or(u32::MAX),
            time_delta: 0,
            timecmp: [0; HARTS],
            timers: [None; HARTS],
        }
    }
}
