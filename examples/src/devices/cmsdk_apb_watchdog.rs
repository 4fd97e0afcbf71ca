//! The watchdog of Arm's CMSDK and of Stellaris boards: QEMU's section "cmsdk-apb-watchdog".
//!
//! The fields follow QEMU's `cmsdk_apb_watchdog_vmstate` (`hw/watchdog/cmsdk-apb-watchdog.c`).

use vmstate::prelude::*;

use super::ptimer::Ptimer;
use super::qdev_clock::QdevClock;

/// The watchdog.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cmsdk-apb-watchdog", version = 2, minimum_version = 2)]
pub struct CmsdkApbWatchdog {
    /// The clock. Its subsection cannot be told from the bytes of the timer.
    #[vmstate(ambiguous = "QEMU's layout")]
    pub wdogclk: QdevClock,
    /// The countdown.
    pub timer: Ptimer,
    /// Enables the interrupt and the reset.
    pub control: u32,
    /// Set while the interrupt is pending.
    pub intstatus: u32,
    /// Set while the registers are locked.
    pub lock: u32,
    /// Integration test: enable.
    pub itcr: u32,
    /// Integration test: outputs.
    pub itop: u32,
    /// Set after the watchdog has requested a reset.
    pub resetstatus: u32,
}
