//! The machine's clocks: QEMU's section "timer".

use vmstate::prelude::*;

/// What QEMU adds to the host's clocks to get those of the machine.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "timer", version = 2)]
pub struct Clock {
    /// Ticks of the host's processor.
    #[vmstate(name = "cpu_ticks_offset")]
    pub ticks_offset: i64,
    /// Was once another clock.
    pub unused: Unused<8>,
    /// Nanoseconds. While the machine stands still, this is how long it has run.
    #[vmstate(name = "cpu_clock_offset", since = 2)]
    pub nanoseconds: i64,
}
