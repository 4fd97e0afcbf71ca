//! The board's time.
//!
//! Time is counted in instructions, so that a run can be repeated: every instruction takes ten nanoseconds, and waiting
//! takes none of them. Whoever runs the board decides how this time follows that of the world.

/// How long an instruction takes.
pub const NANOSECONDS_PER_INSTRUCTION: u64 = 10;
/// How long a tick of the timer takes: it runs at 10 MHz.
pub const NANOSECONDS_PER_TICK: u64 = 100;

/// A clock that has counted time and instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    /// The instructions that were executed.
    pub instructions: u64,
    /// The time before the first of them, and all that went by while the board was waiting, in nanoseconds.
    offset: u64,
    /// How far the clock of the world is ahead, in nanoseconds. Whoever runs the board says so.
    pub world: u64,
}

impl Clock {
    /// The time of the machine's clock, in nanoseconds: what QEMU calls its virtual clock.
    #[must_use]
    pub fn nanoseconds(&self) -> u64 {
        self.offset.wrapping_add(self.instructions.wrapping_mul(NANOSECONDS_PER_INSTRUCTION))
    }

    /// The ticks of the timer, which are ten million in a second.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.nanoseconds() / NANOSECONDS_PER_TICK
    }

    /// Lets it be `nanoseconds` now.
    pub fn set(&mut self, nanoseconds: u64) {
        let counted = self.instructions.wrapping_mul(NANOSECONDS_PER_INSTRUCTION);
        self.offset = nanoseconds.wrapping_sub(counted);
    }

    /// How many instructions will have been executed when it is `nanoseconds`.
    #[must_use]
    pub fn instructions_at(&self, nanoseconds: u64) -> u64 {
        let left = nanoseconds.saturating_sub(self.nanoseconds());
        self.instructions.saturating_add(left.div_ceil(NANOSECONDS_PER_INSTRUCTION))
    }
}
