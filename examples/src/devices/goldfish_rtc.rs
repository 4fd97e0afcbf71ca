//! The Goldfish real-time clock: QEMU's section "goldfish_rtc".
//!
//! The fields follow QEMU's `goldfish_rtc_vmstate` (`hw/rtc/goldfish_rtc.c`).

use vmstate::prelude::*;

/// The clock.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "goldfish_rtc", version = 3)]
pub struct GoldfishRtc {
    /// The offset from the virtual clock in nanoseconds. QEMU 7.2 and 10.0 send zero, and `tick_offset` instead.
    pub tick_offset_vmstate: u64,
    /// The alarm time.
    pub alarm_next: u64,
    /// True if the alarm is armed.
    pub alarm_running: u32,
    /// True if the alarm interrupt is pending.
    pub irq_pending: u32,
    /// True if the interrupt is enabled.
    pub irq_enabled: u32,
    /// The latched high half of the time.
    pub time_high: u32,
    /// The offset from the host's clock in nanoseconds.
    #[vmstate(since = 3)]
    pub tick_offset: u64,
}
