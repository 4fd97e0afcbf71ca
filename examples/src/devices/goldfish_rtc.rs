//! Goldfish's clock: QEMU's section "goldfish_rtc".
//!
//! The fields are those of QEMU's `goldfish_rtc_vmstate` (`hw/rtc/goldfish_rtc.c`).

use vmstate::prelude::*;

/// The clock.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "goldfish_rtc", version = 3)]
pub struct GoldfishRtc {
    /// What it is ahead of the machine's clock, in nanoseconds. QEMU 7.2 and 10.0 leave it zero and send `tick_offset`.
    pub tick_offset_vmstate: u64,
    /// When the alarm goes off.
    pub alarm_next: u64,
    /// Whether it will.
    pub alarm_running: u32,
    /// Whether it has.
    pub irq_pending: u32,
    /// Whether that interrupts.
    pub irq_enabled: u32,
    /// The upper half of the time that is being read.
    pub time_high: u32,
    /// What it is ahead of the host's clock, in nanoseconds.
    #[vmstate(since = 3)]
    pub tick_offset: u64,
}
