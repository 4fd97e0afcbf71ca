//! Performance counters, in both of their shapes.

use vmstate::prelude::*;

use super::Xlen;

/// A counter, as 10.0 has it.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmu", version = 2)]
pub struct Counter<X: Xlen> {
    /// What it says.
    pub mhpmcounter_val: X,
    /// The upper half of that, on cores of 32 bits.
    pub mhpmcounterh_val: X,
    /// What the host's clock was when it said so.
    pub mhpmcounter_prev: X,
    /// The upper half of that.
    pub mhpmcounterh_prev: X,
}

/// A counter, as 7.2 has it.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pmu")]
pub struct CounterOf7_2<X: Xlen> {
    /// What it says.
    pub mhpmcounter_val: X,
    /// The upper half of that, on cores of 32 bits.
    pub mhpmcounterh_val: X,
    /// What the host's clock was when it said so.
    pub mhpmcounter_prev: X,
    /// The upper half of that.
    pub mhpmcounterh_prev: X,
    /// Whether it has been written and counts.
    pub started: bool,
}

impl<X: Xlen> CounterOf7_2<X> {
    /// The counter without its mark.
    pub(super) fn now(&self) -> Counter<X> {
        Counter {
            mhpmcounter_val: self.mhpmcounter_val,
            mhpmcounterh_val: self.mhpmcounterh_val,
            mhpmcounter_prev: self.mhpmcounter_prev,
            mhpmcounterh_prev: self.mhpmcounterh_prev,
        }
    }

    /// Makes it `counter`, and leaves the mark as it is.
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
