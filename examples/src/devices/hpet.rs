//! The HPET: QEMU's section "hpet".
//!
//! The fields follow QEMU's `vmstate_hpet`, `vmstate_hpet_timer` and its subsections (`hw/timer/hpet.c`). The
//! number of timers has another name in 10.0 than in 7.2.

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The maximum number of timers.
const MAX_TIMERS: usize = 32;

/// The device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "hpet", version = 2, minimum_version = 2)]
pub struct Hpet {
    /// The configuration: enable and legacy replacement.
    pub config: u64,
    /// The interrupt status of the timers.
    pub isr: u64,
    /// The main counter.
    pub hpet_counter: u64,
    /// The timers.
    #[vmstate(
        field("num_timers": u8 = num_timers, when = |hpet| hpet.as_in_7_2),
        field("num_timers_save": u8 = num_timers, when = |hpet| !hpet.as_in_7_2),
        name = "timer",
        len = num_timers,
        max = MAX_TIMERS
    )]
    #[default(vec![Timer::default(); 3])]
    pub timers: Vec<Timer>,
    /// The level of the RTC interrupt in legacy mode.
    #[vmstate(subsection("hpet/rtc_irq_level", needed = |hpet| hpet.rtc_irq_level != 0))]
    pub rtc_irq_level: u8,
    /// The offset of the counter from the virtual clock while it is enabled.
    #[vmstate(subsection("hpet/offset", needed = |hpet| hpet.config & Self::COUNTS != 0))]
    pub hpet_offset: u64,
    /// The number of timers.
    #[vmstate(skip = "sent as a field of either name")]
    #[default(3)]
    pub num_timers: u8,
    /// True to use the description of QEMU 7.2.
    #[vmstate(skip = "the bytes are the same")]
    pub as_in_7_2: bool,
}

/// A timer.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "hpet_timer")]
pub struct Timer {
    /// The number of the timer.
    pub tn: u8,
    /// The configuration and capabilities.
    pub config: u64,
    /// The comparator.
    pub cmp: u64,
    /// The FSB interrupt route.
    pub fsb: u64,
    /// The period.
    pub period: u64,
    /// True if the counter has wrapped.
    pub wrap_flag: u8,
    /// The time when the timer expires.
    #[vmstate(timer)]
    pub qemu_timer: Option<u64>,
}

impl Hpet {
    /// The enable bit of `config`.
    const COUNTS: u64 = 1;
}
