//! The clock input of a device, a struct within many Arm devices.
//!
//! The fields follow QEMU's `vmstate_clock` (`hw/core/clock-vmstate.c`), which `VMSTATE_CLOCK` names.

use vmstate::prelude::*;

/// The state of a clock.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "clock", version = 0, subsection("clock/muldiv", needed = Self::is_scaled, absent = default))]
pub struct QdevClock {
    /// The period in units of 2⁻³² ns; 0 for a stopped clock.
    pub period: u64,
    /// The multiplier of the period for driven clocks.
    #[vmstate(in = "clock/muldiv", default = 1)]
    pub multiplier: u32,
    /// The divider of the period for driven clocks.
    #[vmstate(in = "clock/muldiv", default = 1)]
    pub divider: u32,
}

impl QdevClock {
    fn is_scaled(&self) -> bool {
        (self.multiplier, self.divider) != (1, 1)
    }
}
