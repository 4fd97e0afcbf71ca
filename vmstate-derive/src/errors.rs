//! The errors of one derive input, collected so that all of them are reported at once.

use std::cell::RefCell;
use std::fmt::Display;
use std::thread;

use quote::ToTokens;

/// Collects errors until [`check`](Self::check) returns them.
///
/// As in serde's `Ctxt`, dropping it without a check is a bug and panics: the errors would be lost.
pub(crate) struct Errors(RefCell<Option<Vec<syn::Error>>>);

impl Errors {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(Some(Vec::new())))
    }

    /// Adds an error that points at `tokens`.
    pub(crate) fn at(&self, tokens: impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// Adds an error of another parser.
    pub(crate) fn add(&self, error: syn::Error) {
        if let Some(errors) = self.0.borrow_mut().as_mut() {
            errors.push(error);
        }
    }

    /// Returns all errors, combined into one, or `Ok` without errors.
    pub(crate) fn check(self) -> syn::Result<()> {
        let errors = self.0.take().into_iter().flatten();
        let combined = errors.reduce(|mut all, error| {
            all.combine(error);
            all
        });
        combined.map_or(Ok(()), Err)
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(thread::panicking() || self.0.borrow().is_none(), "the errors of a derive input were not checked");
    }
}
