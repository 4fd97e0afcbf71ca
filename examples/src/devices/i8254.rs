//! The 8254 interval timer: QEMU's section "i8254".
//!
//! The fields are those of QEMU's `vmstate_pit_common` and `vmstate_pit_channel`.

use vmstate::prelude::*;

/// The timer chip, with its three channels.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(
    name = "i8254",
    version = 3,
    minimum_version = 2,
    // Once more, where the deadline of a timer used to be.
    field("channels[0].next_transition_time": i64 = channels[0].next_transition_time)
)]
pub struct Pit {
    /// The channels.
    #[vmstate(since = 2, field("channels[0].irq_disabled": u32 = channels[0].irq_disabled, since = 3))]
    pub channels: [Channel; 3],
}

/// One counter.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pit channel", version = 2, minimum_version = 2)]
pub struct Channel {
    /// Where it starts; up to 65536.
    pub count: i32,
    /// The count that was latched.
    pub latched_count: u16,
    /// How a latched count is read next; 0 if there is none.
    pub count_latched: u8,
    /// Whether the status is latched.
    pub status_latched: u8,
    /// The latched status.
    pub status: u8,
    /// Which byte is read next.
    pub read_state: u8,
    /// Which byte is written next.
    pub write_state: u8,
    /// The low byte of a count whose high byte is to come.
    pub write_latch: u8,
    /// Which bytes are read and written.
    pub rw_mode: u8,
    /// The mode, 0 to 5.
    pub mode: u8,
    /// Whether it counts in decimal, which QEMU does not implement.
    pub bcd: u8,
    /// Whether it counts.
    pub gate: u8,
    /// When the count was loaded, in nanoseconds.
    pub count_load_time: i64,
    /// When the output changes next, in nanoseconds; -1 if never.
    pub next_transition_time: i64,
    /// Whether its interrupts go elsewhere, as with the HPET in its legacy mode.
    #[vmstate(skip = "the chip sends that of the first channel, and the others have none")]
    pub irq_disabled: u32,
}
