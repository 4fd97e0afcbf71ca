//! The board's time.
//!
//! Time is counted in instructions, so that runs are reproducible: each instruction takes ten nanoseconds, and waiting
//! takes none. The caller synchronizes this time with the host's.

/// The duration of an instruction in nanoseconds.
pub const NANOSECONDS_PER_INSTRUCTION: u64 = 10;
/// The duration of a timer tick in nanoseconds. The timer runs at 10 MHz.
pub const NANOSECONDS_PER_TICK: u64 = 100;

/// A clock that counts time and instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    /// The number of executed instructions.
    pub instructions: u64,
    /// The time before the first instruction plus all waiting times, in nanoseconds.
    offset: u64,
    /// The offset of the wall-clock time in nanoseconds, set by the caller.
    pub world: u64,
}

impl Clock {
    /// Returns the time in nanoseconds: QEMU's virtual clock.
    #[must_use]
    pub fn nanoseconds(&self) -> u64 {
        self.offset.wrapping_add(self.instructions.wrapping_mul(NANOSECONDS_PER_INSTRUCTION))
    }

    /// Returns the timer ticks, ten million per second.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.nanoseconds() / NANOSECONDS_PER_TICK
    }

    /// Sets the time.
    pub fn set(&mut self, nanoseconds: u64) {
        let counted = self.instructions.wrapping_mul(NANOSECONDS_PER_INSTRUCTION);
        self.offset = nanoseconds.wrapping_sub(counted);
    }

    /// Returns the number of instructions executed by the time `nanoseconds`.
    #[must_use]
    pub fn instructions_at(&self, nanoseconds: u64) -> u64 {
        let left = nanoseconds.saturating_sub(self.nanoseconds());
        self.instructions.saturating_add(left.div_ceil(NANOSECONDS_PER_INSTRUCTION))
    }
}
