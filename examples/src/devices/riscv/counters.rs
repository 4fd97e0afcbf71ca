//! Performance counters in the formats of both releases.

use vmstate::prelude::*;

use super::Xlen;

/// A counter of QEMU 10.0.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmu", version = 2)]
pub struct Counter<X: Xlen> {
    /// The value.
    pub mhpmcounter_val: X,
    /// The high half of the value, on 32-bit cores.
    pub mhpmcounterh_val: X,
    /// The host's counter when the value was set.
    pub mhpmcounter_prev: X,
    /// The high half of that.
    pub mhpmcounterh_prev: X,
}

/// A counter of QEMU 7.2.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmu")]
pub struct CounterOf7_2<X: Xlen> {
    /// The value.
    pub mhpmcounter_val: X,
    /// The high half of the value, on 32-bit cores.
    pub mhpmcounterh_val: X,
    /// The host's counter when the value was set.
    pub mhpmcounter_prev: X,
    /// The high half of that.
    pub mhpmcounterh_prev: X,
    /// True if the counter was started by a write.
    pub started: bool,
}

impl<X: Xlen> CounterOf7_2<X> {
    /// Returns the counter without its flag.
    pub(super) fn now(&self) -> Counter<X> {
        Counter {
            mhpmcounter_val: self.mhpmcounter_val,
            mhpmcounterh_val: self.mhpmcounterh_val,
            mhpmcounter_prev: self.mhpmcounter_prev,
            mhpmcounterh_prev: self.mhpmcounterh_prev,
        }
    }

    /// Sets the counter and keeps the flag.
    pub(super) fn set(&mut self, counter: &Counter<X>) {
        *self = Self {
            mhpmcounter_val: counter.mhpmcounter_val,
            mhpmcounterh_val: counter.mhpmcounterh_val,
            mhpmcounter_prev: counter.mhpmcounter_prev,
            mhpmcounterh_prev: counter.mhpmcounterh_prev,
            started: self.started,
        };
    }
}
