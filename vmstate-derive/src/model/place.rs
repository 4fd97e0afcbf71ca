//! The storage of a field's value.

use syn::Member;

use crate::parse::PlacePath;

/// A member, or a place inside one.
#[derive(Clone)]
pub(crate) enum Place {
    Member(Member),
    /// A member of the foreign type that a `remote` definition is for, through the view of it.
    Foreign(Member),
    /// A member of an enum's variant, which is bound to a local variable.
    Bound(Member),
    Inside(PlacePath),
}

impl Place {
    /// Returns the place of a member in a variant.
    pub(super) fn in_variant(self) -> Self {
        match self {
            Self::Member(member) => Self::Bound(member),
            other => other,
        }
    }

    /// Returns the place of a member in the type that a `remote` definition is for.
    pub(super) fn in_foreign(self) -> Self {
        match self {
            Self::Member(member) => Self::Foreign(member),
            other => other,
        }
    }

    /// Returns the member, if the value occupies all of it.
    pub(crate) fn member(&self) -> Option<&Member> {
        match self {
            Self::Member(member) | Self::Foreign(member) | Self::Bound(member) => Some(member),
            Self::Inside(_) => None,
        }
    }
}
