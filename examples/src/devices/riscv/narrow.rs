//! Fields that have the width of a register in older releases, and a fixed width in newer ones.

/// An integer that is narrower than a register.
pub(super) trait Narrow: Copy + Eq + Into<u64> {
    /// The mask of its bits in a register.
    const MASK: u64;

    /// Returns the lower bits of a register.
    fn from_low_bits(register: u64) -> Self;
}

macro_rules! narrow {
    ($($int:ty)*) => {$(
        impl Narrow for $int {
            const MASK: u64 = <$int>::MAX as u64;

            fn from_low_bits(register: u64) -> Self {
                (register & Self::MASK) as Self
            }
        }
    )*};
}

narrow!(u8 u16 u32);

/// Returns the lower bits of a register.
pub(super) fn narrowed<N: Narrow>(wide: u64) -> N {
    N::from_low_bits(wide)
}

/// Returns `wide` if it has these lower bits, otherwise the lower bits.
pub(super) fn widened<N: Narrow>(wide: u64, narrow: N) -> u64 {
    if wide & N::MASK == narrow.into() { wide } else { narrow.into() }
}
