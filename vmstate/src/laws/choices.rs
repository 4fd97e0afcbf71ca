//! The source of choices for generators: pseudo-random numbers, the same in each run.

/// Makes the choices of a generator. The same seed makes the same choices.
#[derive(Debug, Clone)]
pub struct Choices(Option<u64>);

impl Choices {
    /// Choices that depend on `seed` alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Some(seed))
    }

    /// Always chooses 0 and `false`: the device is as it is after a reset.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Any number. (The generator is SplitMix64.)
    #[allow(clippy::should_implement_trait)] // it never ends
    pub fn next(&mut self) -> u64 {
        let Some(state) = &mut self.0 else { return 0 };
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// Returns a number below `end`, or 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// Heads or tails.
    pub fn flip(&mut self) -> bool {
        self.byte() & 1 == 1
    }
}
