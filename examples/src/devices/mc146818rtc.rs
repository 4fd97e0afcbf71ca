//! The PC's real-time clock: QEMU's section "mc146818rtc".
//!
//! The fields follow QEMU's `vmstate_rtc` and its subsection (`hw/rtc/mc146818rtc.c`).

use vmstate::prelude::*;

/// The clock and its CMOS memory.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "mc146818rtc", version = 3)]
pub struct Rtc {
    /// The registers and the CMOS memory.
    #[vmstate(buffer)]
    pub cmos_data: [u8; 128],
    /// The selected byte.
    pub cmos_index: u8,
    /// Padding of a former date.
    #[vmstate(name = "unused")]
    pub was_date: Unused<28>,
    /// The periodic timer.
    #[vmstate(timer)]
    pub periodic_timer: Option<u64>,
    /// The time of the next periodic interrupt in nanoseconds, even if the timer is stopped.
    pub next_periodic_time: i64,
    /// Padding of three former timers.
    #[vmstate(name = "unused")]
    pub was_timers: Unused<24>,
    /// The number of lost periodic interrupts.
    #[vmstate(since = 2)]
    pub irq_coalesced: u32,
    /// The period in ticks of 32768 Hz.
    #[vmstate(since = 2)]
    pub period: u32,
    /// The time of the last update in seconds of the RTC.
    #[vmstate(since = 3)]
    pub base_rtc: u64,
    /// The time of the last update in nanoseconds.
    #[vmstate(since = 3)]
    pub last_update: u64,
    /// The fraction of a second in nanoseconds.
    #[vmstate(since = 3)]
    pub offset: i64,
    /// The timer of the next update.
    #[vmstate(timer, since = 3)]
    pub update_timer: Option<u64>,
    /// The time of the next alarm in nanoseconds.
    #[vmstate(since = 3)]
    pub next_alarm_time: u64,
    /// The number of reinjected interrupts since the last acknowledgment.
    #[vmstate(subsection("mc146818rtc/irq_reinject_on_ack_count", needed = |clock| clock.irq_reinject_on_ack_count != 0))]
    pub irq_reinject_on_ack_count: u16,
}

impl Default for Rtc {
    fn default() -> Self {
        Self {
            cmos_data: [0; 128],
            cmos_index: 0,
            was_date: Unused,
            periodic_timer: None,
            next_periodic_time: 0,
            was_timers: Unused,
            irq_coalesced: 0,
            period: 0,
            base_rtc: 0,
            last_update: 0,
            offset: 0,
            update_timer: None,
            next_alarm_time: 0,
            irq_reinject_on_ack_count: 0,
        }
    }
}
