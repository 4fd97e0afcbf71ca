//! Values that may be given once.

use syn::Ident;

use crate::errors::Errors;

/// A value with the key that gave it.
pub(crate) struct Once<T>(Option<(Ident, T)>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Once<T> {
    /// Takes the value, if it could be read and is the first.
    pub(crate) fn set(&mut self, key: &Ident, value: Option<T>, errors: &Errors) {
        match (&self.0, value) {
            (Some(_), _) => errors.at(key, format!("`{key}` is given twice")),
            (None, Some(value)) => self.0 = Some((key.clone(), value)),
            // What was wrong with it has been said.
            (None, None) => {}
        }
    }

    pub(crate) fn value(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    pub(crate) fn key(&self) -> Option<&Ident> {
        self.0.as_ref().map(|(key, _)| key)
    }

    /// The key and the value.
    pub(crate) fn entry(&self) -> Option<(&Ident, &T)> {
        self.0.as_ref().map(|(key, value)| (key, value))
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.is_some()
    }
}
