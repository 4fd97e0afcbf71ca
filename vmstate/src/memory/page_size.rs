//! The size of target pages.

use std::fmt;

use vmstate_types::LoadError;

/// The size of a target page: a power of two from 256 bytes to 2 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageSize(u32);

impl PageSize {
    /// 4096 bytes, the page size of most targets.
    pub const DEFAULT: Self = Self(4096);

    /// The smallest size: the flags of records must fit below the address.
    const MIN: u32 = 256;
    /// See [`MIN`](Self::MIN).
    #[cfg(all(unix, feature = "migration"))]
    pub(crate) const SMALLEST: Self = Self(Self::MIN);
    /// The largest size. No target has larger pages, and a page is buffered as a whole.
    const MAX: u32 = 2 << 20;

    /// Creates a page size of `bytes` bytes.
    ///
    /// # Errors
    /// Returns an error if `bytes` is not a power of two from 256 bytes to 2 MiB.
    pub fn new(bytes: u64) -> Result<Self, InvalidPageSize> {
        match u32::try_from(bytes) {
            Ok(size @ Self::MIN..=Self::MAX) if size.is_power_of_two() => Ok(Self(size)),
            _ => Err(InvalidPageSize(bytes)),
        }
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        u64::from(self.0)
    }

    /// Returns the bits of a record's first word that are flags.
    pub(crate) fn flag_bits(self) -> u64 {
        self.bytes() - 1
    }
}

/// The error for a number of bytes that is not the size of a target page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidPageSize(u64);

impl fmt::Display for InvalidPageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, max) = (PageSize::MIN, PageSize::MAX);
        write!(f, "expected a target page size, a power of two from {min} to {max}, found {}", self.0)
    }
}

impl std::error::Error for InvalidPageSize {}

impl From<InvalidPageSize> for LoadError {
    fn from(error: InvalidPageSize) -> Self {
        let (min, max) = (PageSize::MIN, PageSize::MAX);
        Self::misuse(format!("a target page size, a power of two from {min} to {max}"), error.0)
    }
}
