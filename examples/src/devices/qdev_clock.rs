//! The clock that drives a device: a struct that many devices of QEMU's boards for ARM have inside.
//!
//! The fields are those of QEMU's `vmstate_clock` (`hw/core/clock-vmstate.c`), which `VMSTATE_CLOCK` names.

use vmstate::prelude::*;

/// The state of a clock.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "clock", version = 0, subsection("clock/muldiv", needed = Self::is_scaled, absent = default))]
pub struct QdevClock {
    /// How long a tick takes, in units of 2⁻³² ns; 0 for a clock that stands still.
    pub period: u64,
    /// By what the period is multiplied on its way to the clocks that this one drives.
    #[vmstate(in = "clock/muldiv", default = 1)]
    pub multiplier: u32,
    /// By what it is divided.
    #[vmstate(in = "clock/muldiv", default = 1)]
    pub divider: u32,
}

impl QdevClock {
    fn is_scaled(&self) -> bool {
        (self.multiplier, self.divider) != (1, 1)
    }
}
