//! The condition under which a field is on the wire.

use crate::parse::{self, Function, Number};

/// The versions that have a field, or the predicate that decides.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    pub(crate) since: Option<Number>,
    pub(crate) until: Option<Number>,
    pub(crate) when: Option<Function>,
}

impl Gate {
    pub(super) fn new(attributes: &parse::Field) -> Self {
        Self {
            since: attributes.since.value().cloned(),
            until: attributes.until.value().cloned(),
            when: attributes.when.value().cloned(),
        }
    }

    /// Returns the gates of the versions up to `until`, and of the versions after it.
    pub(super) fn split(&self, until: &Number) -> (Self, Self) {
        let (mut before, mut after) = (self.clone(), self.clone());
        before.until = Some(until.clone());
        after.since = Some(Number { value: until.value.saturating_add(1), literal: until.literal.clone() });
        (before, after)
    }

    /// Returns whether the field is on the wire unconditionally.
    pub(crate) fn is_open(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.when.is_none()
    }

    /// Returns whether no version has both fields. A predicate may exclude any other field.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self.when.is_some() || other.when.is_some() || self.ends_before(other) || other.ends_before(self)
    }

    fn ends_before(&self, other: &Self) -> bool {
        match (&self.until, &other.since) {
            (Some(until), Some(since)) => until.value < since.value,
            _ => false,
        }
    }

    /// Returns whether both fields are in the same versions.
    ///
    /// Predicates are never equal, because loading the first field may change the result for the second.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let version = |number: &Option<Number>| number.as_ref().map(|number| number.value);
        self.when.is_none()
            && other.when.is_none()
            && version(&self.since) == version(&other.since)
            && version(&self.until) == version(&other.until)
    }
}
