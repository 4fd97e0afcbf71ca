//! A periodic timer, a struct within many devices.
//!
//! The fields follow QEMU's `vmstate_ptimer` (`hw/core/ptimer.c`), which `VMSTATE_PTIMER` names.

use vmstate::prelude::*;

/// The state of the timer.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ptimer")]
pub struct Ptimer {
    /// 0 if stopped, 1 for a periodic and 2 for a single countdown.
    pub enabled: u8,
    /// The value after the end of a period.
    pub limit: u64,
    /// The remaining ticks.
    pub delta: u64,
    /// The fraction of the period in units of 2⁻³² ns.
    pub period_frac: u32,
    /// The period in nanoseconds.
    pub period: i64,
    /// The time of the last expiry.
    pub last_event: i64,
    /// The time of the next expiry.
    pub next_event: i64,
    /// The deadline of the timer.
    #[vmstate(timer)]
    pub timer: Option<u64>,
}
