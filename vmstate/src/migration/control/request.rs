//! The arguments of commands about dirty rates.

use std::time::Duration;

/// A measurement of the dirty rate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirtyRateRequest {
    /// The duration, from 50 ms to 60 s.
    pub duration: Duration,
    /// The method.
    pub mode: DirtyRateMode,
    /// The number of pages of each GiB that [`DirtyRateMode::PageSampling`] compares, from 128 to 16384.
    pub samples: u64,
}

impl DirtyRateRequest {
    /// QEMU's default of [`samples`](Self::samples).
    pub(super) const SAMPLES: u64 = 512;
}

/// The method of a measurement of the dirty rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DirtyRateMode {
    /// Compares samples of pages.
    #[default]
    PageSampling,
    /// Counts the pages in the dirty log.
    DirtyBitmap,
    /// Counts the entries of KVM's dirty ring.
    DirtyRing,
}

impl DirtyRateMode {
    pub(super) const ALL: [Self; 3] = [Self::PageSampling, Self::DirtyRing, Self::DirtyBitmap];

    /// Returns the name, such as `page-sampling`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PageSampling => "page-sampling",
            Self::DirtyBitmap => "dirty-bitmap",
            Self::DirtyRing => "dirty-ring",
        }
    }
}
