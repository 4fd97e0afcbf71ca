//! The encodings of QEMU's info types whose values have a fixed size, by their names.
//!
//! This is the table by which tools read values, compare types, and write Rust ones.

/// The encoding of a value of a fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScalarKind {
    /// One byte, of which any but 0 is true.
    Bool,
    /// `int8`.
    Int8,
    /// `int16`.
    Int16,
    /// `int32`, and `int32 le` ("less or equal").
    Int32,
    /// `int64`.
    Int64,
    /// `uint8`.
    Uint8,
    /// `uint16`.
    Uint16,
    /// `uint32`.
    Uint32,
    /// `uint64`, and the type that QEMU calls `int64 equal`.
    Uint64,
    /// A float of 64 bits.
    Double,
    /// A deadline in nanoseconds, or all bits set where none is set.
    Timer,
    /// The marker of a pointer: `0` for NULL, `1` if the target follows.
    Marker,
}

impl ScalarKind {
    /// The kind of an info type, by QEMU's name for it; `None` for those whose values have no fixed width.
    #[must_use]
    pub fn from_name(type_name: &str) -> Option<Self> {
        Some(match type_name {
            "bool" => Self::Bool,
            "int8" => Self::Int8,
            "int16" => Self::Int16,
            "int32" | "int32 equal" | "int32 le" => Self::Int32,
            "int64" => Self::Int64,
            "uint8" | "uint8 equal" => Self::Uint8,
            "uint16" | "uint16 equal" => Self::Uint16,
            "uint32" | "uint32 equal" => Self::Uint32,
            "uint64" | "int64 equal" => Self::Uint64,
            "CPU_Double_U" => Self::Double,
            "timer" => Self::Timer,
            "nullptr" | "ptr-marker" => Self::Marker,
            _ => return None,
        })
    }

    /// The bytes that a value takes.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Bool | Self::Int8 | Self::Uint8 | Self::Marker => 1,
            Self::Int16 | Self::Uint16 => 2,
            Self::Int32 | Self::Uint32 => 4,
            Self::Int64 | Self::Uint64 | Self::Double | Self::Timer => 8,
        }
    }

    /// Returns whether values can be negative.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64)
    }
}
