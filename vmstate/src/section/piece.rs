//! Pieces of guest memory that are written without a copy.

#[cfg(all(target_os = "linux", feature = "mapping"))]
use crate::memory::Gather;
use crate::memory::HostRange;

/// A page of guest memory that is not copied.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece<'m> {
    Slice(&'m [u8]),
    /// Memory that others may change.
    Memory(HostRange<'m>),
}

impl<'m> Piece<'m> {
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Slice(bytes) => bytes.len(),
            Self::Memory(memory) => memory.len(),
        }
    }

    /// Returns the bytes, which no writer gets if others may change them.
    pub(super) fn slice(self) -> &'m [u8] {
        match self {
            Self::Slice(bytes) => bytes,
            Self::Memory(_) => &[],
        }
    }
}

#[cfg(all(target_os = "linux", feature = "mapping"))]
impl<'m> From<Piece<'m>> for Gather<'m> {
    fn from(piece: Piece<'m>) -> Self {
        match piece {
            Piece::Slice(bytes) => Self::from(bytes),
            Piece::Memory(memory) => Self::from(memory),
        }
    }
}
