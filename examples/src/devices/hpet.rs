//! The high precision event timer: QEMU's section "hpet".
//!
//! The fields are those of QEMU's `vmstate_hpet`, `vmstate_hpet_timer` and of its subsections (`hw/timer/hpet.c`). The
//! number of timers has another name in 10.0 than in 7.2.

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The most timers that there can be.
const MAX_TIMERS: usize = 32;

/// The device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "hpet", version = 2, minimum_version = 2)]
pub struct Hpet {
    /// Whether it counts, and stands for older timers.
    pub config: u64,
    /// Which timers interrupt.
    pub isr: u64,
    /// The counter.
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
    /// The level of the clock's interrupt, which it may replace.
    #[vmstate(subsection("hpet/rtc_irq_level", needed = |hpet| hpet.rtc_irq_level != 0))]
    pub rtc_irq_level: u32,
    /// What the counter is ahead of the machine's clock, while it counts.
    #[vmstate(subsection("hpet/offset", needed = |hpet| hpet.config & Self::COUNTS != 0))]
    pub hpet_offset: u64,
    /// How many timers there are.
    #[vmstate(skip = "sent as a field of either name")]
    #[default(3)]
    pub num_timers: u8,
    /// Whether that is described as QEMU 7.2 does.
    #[vmstate(skip = "the bytes are the same")]
    pub as_in_7_2: bool,
}

/// A timer.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "hpet_timer")]
pub struct Timer {
    /// Its number.
    pub tn: u8,
    /// Whether it is on, and what it can do.
    pub config: u64,
    /// What it compares the counter with.
    pub cmp: u64,
    /// Where an interrupt is written to.
    pub fsb: u64,
    /// How long it is between interrupts.
    pub period: u64,
    /// Whether the counter has wrapped.
    pub wrap_flag: u8,
    /// When it is due.
    #[vmstate(timer)]
    pub qemu_timer: Option<u64>,
}

impl Hpet {
    /// In `config`: it counts.
    const COUNTS: u64 = 1;
}
