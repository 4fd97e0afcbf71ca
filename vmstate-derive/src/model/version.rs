//! Versions of a description.

use crate::parse::{Number, Once};

/// The version that is written and the oldest version that is read.
#[derive(Clone, Copy)]
pub(crate) struct Version {
    pub(crate) current: u32,
    pub(crate) minimum: u32,
}

impl Version {
    /// The versions of a struct that has its parent's: any, of which the fields' gates name some.
    pub(super) const PARENT: Self = Self { current: u32::MAX, minimum: 1 };

    /// Fills in the defaults: version 1, and a minimum of 1 or of the version if that is lower.
    pub(super) fn new(version: &Once<Number>, minimum: &Once<Number>) -> Self {
        let current = version.value().map_or(1, |number| number.value);
        Self { current, minimum: minimum.value().map_or(1.min(current), |number| number.value) }
    }
}
