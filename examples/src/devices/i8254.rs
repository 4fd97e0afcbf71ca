//! The 8254 interval timer: QEMU's section "i8254".
//!
//! The fields follow QEMU's `vmstate_pit_common` and `vmstate_pit_channel` (`hw/timer/i8254_common.c`).

use vmstate::prelude::*;

/// The timer with its three channels.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(
    name = "i8254",
    version = 3,
    minimum_version = 2,
    // Padding of a former timer.
    field("channels[0].next_transition_time": i64 = channels[0].next_transition_time)
)]
pub struct Pit {
    /// The channels.
    #[vmstate(since = 2, field("channels[0].irq_disabled": u32 = channels[0].irq_disabled, since = 3))]
    pub channels: [Channel; 3],
}

/// A channel.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pit channel", version = 2, minimum_version = 2)]
pub struct Channel {
    /// The initial count, up to 65536.
    pub count: i32,
    /// The latched count.
    pub latched_count: u16,
    /// The state of reading the latched count; 0 if none is latched.
    pub count_latched: u8,
    /// True if the status is latched.
    pub status_latched: u8,
    /// The latched status.
    pub status: u8,
    /// The state of reading.
    pub read_state: u8,
    /// The state of writing.
    pub write_state: u8,
    /// The latched low byte of a write.
    pub write_latch: u8,
    /// The access mode.
    pub rw_mode: u8,
    /// The mode, 0 to 5.
    pub mode: u8,
    /// True if BCD counting is selected, which QEMU does not implement.
    pub bcd: u8,
    /// The gate input.
    pub gate: u8,
    /// The time when the count was loaded, in nanoseconds.
    pub count_load_time: i64,
    /// The time of the next output change in nanoseconds, or -1.
    pub next_transition_time: i64,
    /// True if the interrupt is disabled, as with the HPET in legacy mode.
    #[vmstate(skip = "sent by the chip for the first channel; the others have no interrupt")]
    pub irq_disabled: u32,
}
