//! The attribute `unused`: padding around a field.

use syn::Expr;

use super::collections::Padding;
use super::entry::{Entry, Value};
use super::keys::keys;
use super::once::Once;
use crate::errors::Errors;

/// The padding around a field.
#[derive(Default)]
pub(crate) struct Unused {
    pub(crate) before: Once<Padding>,
    pub(crate) after: Once<Padding>,
    pub(crate) max: Once<Expr>,
}

keys! {
    impl Unused("`unused` option") |self, key, entry, errors| {
        "before" => self.before.set(key, entry.assigned("a number of bytes, or a field times a number", "4", errors), errors),
        "after" => self.after.set(key, entry.assigned("a number of bytes, or a field times a number", "4", errors), errors),
        "max" => self.max.set(key, entry.assigned("the largest count", "8", errors), errors),
    }
}

impl Unused {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let tokens = match &entry.value {
            Value::List(tokens) if !tokens.is_empty() => tokens.clone(),
            _ => {
                errors.at(
                    &entry.key,
                    "expected the position of the padding, as in `unused(before = 8)` or `unused(after = 8)`",
                );
                return None;
            }
        };
        let mut unused = Self::default();
        unused.read_all(&entry.nested(tokens, errors), errors);
        unused.check(errors);
        Some(unused)
    }

    /// `unused(before = count * 4)` without `max`; `unused(before = 4, max = 8)`
    fn check(&self, errors: &Errors) {
        let counted = [&self.before, &self.after].into_iter().filter_map(Once::entry);
        let counted: Vec<_> = counted.filter(|(_, padding)| matches!(padding, Padding::Counted(_))).collect();
        match (counted.first(), self.max.key()) {
            (Some((key, _)), None) => errors.at(key, "padding with a counter field needs a limit: add `max = N`"),
            (None, Some(max)) => {
                errors.at(max, "`max` applies only to padding with a counter field, as in `before = field * N`");
            }
            _ => {}
        }
    }
}
