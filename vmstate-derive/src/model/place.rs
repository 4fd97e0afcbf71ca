//! The storage of a field's value.

use syn::Member;

use crate::parse::PlacePath;

/// A member, or a place inside one.
#[derive(Clone)]
pub(crate) enum Place {
    Member(Member),
    Inside(PlacePath),
}

impl Place {
    /// Returns the member, if the value occupies all of it.
    pub(crate) fn member(&self) -> Option<&Member> {
        match self {
            Self::Member(member) => Some(member),
            Self::Inside(_) => None,
        }
    }
}
