//! The releases of QEMU whose names, limits and conversations are known.

use std::fmt;

/// A release of QEMU: the differences between releases are columns of the tables in this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum QemuRelease {
    /// QEMU 7.2.
    V7_2,
    /// QEMU 10.0.
    #[default]
    V10_0,
    /// QEMU 11.1.
    V11_1,
}

impl fmt::Display for QemuRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V7_2 => "QEMU 7.2",
            Self::V10_0 => "QEMU 10.0",
            Self::V11_1 => "QEMU 11.1",
        })
    }
}

/// A range of releases, for one row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Releases {
    first: QemuRelease,
    last: QemuRelease,
}

impl Releases {
    pub(super) const ALL: Self = Self::between(QemuRelease::V7_2, QemuRelease::V11_1);
    pub(super) const UNTIL_7_2: Self = Self::between(QemuRelease::V7_2, QemuRelease::V7_2);
    pub(super) const UNTIL_10_0: Self = Self::between(QemuRelease::V7_2, QemuRelease::V10_0);
    pub(super) const ONLY_10_0: Self = Self::between(QemuRelease::V10_0, QemuRelease::V10_0);
    pub(super) const SINCE_10_0: Self = Self::between(QemuRelease::V10_0, QemuRelease::V11_1);
    pub(super) const SINCE_11_1: Self = Self::between(QemuRelease::V11_1, QemuRelease::V11_1);

    const fn between(first: QemuRelease, last: QemuRelease) -> Self {
        Self { first, last }
    }

    /// Returns whether `release` is in the range.
    pub(super) fn contains(self, release: QemuRelease) -> bool {
        self.first <= release && release <= self.last
    }
}
