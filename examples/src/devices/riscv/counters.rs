//! Performance counters in the formats of all releases.

use vmstate::prelude::*;

/// A counter of QEMU 11.1.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmu", version = 3, minimum_version = 3)]
pub struct Counter {
    /// The value.
    pub mhpmcounter_val: u64,
    /// The host's counter when the value was set.
    pub mhpmcounter_prev: u64,
}

/// A counter of QEMU 10.0.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmu", version = 2)]
pub struct CounterOf10_0 {
    /// The value.
    pub mhpmcounter_val: u64,
    /// The high half of the value, on 32-bit cores.
    pub mhpmcounterh_val: u64,
    /// The host's counter when the value was set.
    pub mhpmcounter_prev: u64,
    /// The high half of that.
    pub mhpmcounterh_prev: u64,
}

/// A counter of QEMU 7.2.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmu")]
pub struct CounterOf7_2 {
    /// The value.
    pub mhpmcounter_val: u64,
    /// The high half of the value, on 32-bit cores.
    pub mhpmcounterh_val: u64,
    /// The host's counter when the value was set.
    pub mhpmcounter_prev: u64,
    /// The high half of that.
    pub mhpmcounterh_prev: u64,
    /// True if the counter was started by a write.
    pub started: bool,
}

impl CounterOf10_0 {
    /// Returns the counter without the high halves, which a 64-bit core does not use.
    pub(super) fn now(&self) -> Counter {
        Counter { mhpmcounter_val: self.mhpmcounter_val, mhpmcounter_prev: self.mhpmcounter_prev }
    }

    /// Sets the counter and keeps the high halves.
    pub(super) fn set(&mut self, counter: &Counter) {
        (self.mhpmcounter_val, self.mhpmcounter_prev) = (counter.mhpmcounter_val, counter.mhpmcounter_prev);
    }
}

impl CounterOf7_2 {
    /// Returns the counter without the high halves and the flag.
    pub(super) fn now(&self) -> Counter {
        Counter { mhpmcounter_val: self.mhpmcounter_val, mhpmcounter_prev: self.mhpmcounter_prev }
    }

    /// Sets the counter and keeps the high halves and the flag.
    pub(super) fn set(&mut self, counter: &Counter) {
        (self.mhpmcounter_val, self.mhpmcounter_prev) = (counter.mhpmcounter_val, counter.mhpmcounter_prev);
    }
}
