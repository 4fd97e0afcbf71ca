//! The attribute `bound`: bounds of type parameters.

use syn::punctuated::Punctuated;
use syn::{Token, WherePredicate};

use super::entry::Entry;
use crate::errors::Errors;

/// `bound = "T: Clone, U: Default"`
///
/// The value is a string, as in serde's attribute of this name: predicates are not expressions, and contain commas.
#[derive(Clone)]
pub(crate) struct Bounds(pub(crate) Vec<WherePredicate>);

impl Bounds {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let example = "T: Wire + Default";
        let text = entry.text(example, errors)?;
        let predicates = text.parse_with(Punctuated::<WherePredicate, Token![,]>::parse_terminated);
        match predicates {
            Ok(predicates) => Some(Self(predicates.into_iter().collect())),
            Err(_) => {
                errors.at(&text, format!("expected bounds of type parameters, as in `bound = {example:?}`"));
                None
            }
        }
    }
}
