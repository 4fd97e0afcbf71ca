//! The PC's battery-backed clock: QEMU's section "mc146818rtc".
//!
//! The fields are those of QEMU's `vmstate_rtc` and its subsection.

use vmstate::prelude::*;

/// The clock and its CMOS memory.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "mc146818rtc", version = 3)]
pub struct Rtc {
    /// The registers and the memory.
    #[vmstate(buffer)]
    pub cmos_data: [u8; 128],
    /// Which byte of it is accessed next.
    pub cmos_index: u8,
    /// Was once a date, in seven numbers.
    #[vmstate(name = "unused")]
    pub was_date: Unused<28>,
    /// When the next periodic interrupt is.
    #[vmstate(timer)]
    pub periodic_timer: Option<u64>,
    /// The same in nanoseconds of the clock, even while the timer is not armed.
    pub next_periodic_time: i64,
    /// Was once three timers.
    #[vmstate(name = "unused")]
    pub was_timers: Unused<24>,
    /// How many periodic interrupts the guest has missed.
    #[vmstate(since = 2)]
    pub irq_coalesced: u32,
    /// The periodic interrupt's period, in ticks of 32768 Hz.
    #[vmstate(since = 2)]
    pub period: u32,
    /// What the clock said at the last update, in seconds.
    #[vmstate(since = 3)]
    pub base_rtc: u64,
    /// When that was, in nanoseconds.
    #[vmstate(since = 3)]
    pub last_update: u64,
    /// The nanoseconds that are not whole seconds.
    #[vmstate(since = 3)]
    pub offset: i64,
    /// When the next update is to be noticed.
    #[vmstate(timer, since = 3)]
    pub update_timer: Option<u64>,
    /// When the alarm goes off, in nanoseconds.
    #[vmstate(since = 3)]
    pub next_alarm_time: u64,
    /// How many missed interrupts were made up for since the guest last acknowledged one.
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
