//! The attributes of enums: `repr` and `variant`.

use super::entry::{Entry, Value};
use super::keys::keys;
use super::once::Once;
use crate::errors::Errors;

/// `variant(fixed)`
#[derive(Default)]
pub(crate) struct Variants {
    pub(crate) fixed: Once<()>,
}

keys! {
    impl Variants("`variant` option") |self, key, entry, errors| {
        "fixed" => self.fixed.set(key, entry.word(errors), errors),
    }
}

impl Variants {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let Value::List(tokens) = &entry.value else {
            errors.at(&entry.key, "expected an option in parentheses, as in `variant(fixed)`");
            return None;
        };
        let mut variants = Self::default();
        variants.read_all(&entry.nested(tokens.clone(), errors), errors);
        Some(variants)
    }
}
