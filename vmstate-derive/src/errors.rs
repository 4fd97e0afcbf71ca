//! Mistakes, gathered so that all of them are reported at once.

use std::cell::RefCell;
use std::fmt::Display;

use quote::ToTokens;

/// All mistakes so far. Must be finished.
pub(crate) struct Errors(RefCell<Option<Vec<syn::Error>>>);

impl Errors {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(Some(Vec::new())))
    }

    /// A mistake at `tokens`.
    pub(crate) fn at(&self, tokens: impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// A mistake that another parser found.
    pub(crate) fn add(&self, error: syn::Error) {
        if let Some(errors) = self.0.borrow_mut().as_mut() {
            errors.push(error);
        }
    }

    /// All mistakes as one error; `None` if there are none.
    pub(crate) fn finish(&self) -> Option<syn::Error> {
        self.0.borrow_mut().take()?.into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        })
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(std::thread::panicking() || self.0.borrow().is_none(), "mistakes were not reported");
    }
}
