//! Attributes that can be given only once.

use syn::Ident;

use crate::errors::Errors;

/// A value and its key.
pub(crate) struct Once<T>(Option<(Ident, T)>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Once<T> {
    /// Stores the first value. `None` is a value that could not be read.
    pub(crate) fn set(&mut self, key: &Ident, value: Option<T>, errors: &Errors) {
        match (&self.0, value) {
            (Some(_), _) => errors.at(key, format!("duplicate attribute `{key}`")),
            (None, Some(value)) => self.0 = Some((key.clone(), value)),
            // The reader has reported why.
            (None, None) => {}
        }
    }

    pub(crate) fn value(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    pub(crate) fn into_value(self) -> Option<T> {
        self.0.map(|(_, value)| value)
    }

    pub(crate) fn key(&self) -> Option<&Ident> {
        self.0.as_ref().map(|(key, _)| key)
    }

    /// Returns the key and the value.
    pub(crate) fn entry(&self) -> Option<(&Ident, &T)> {
        self.0.as_ref().map(|(key, value)| (key, value))
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.is_some()
    }
}
