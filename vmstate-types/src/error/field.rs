//! Adds field names to errors in generated code.
//!
//! Only the test for an error is inlined into a device's code, once per field.

use super::{LoadError, SaveError};

/// A result of saving or loading a field.
pub trait InField {
    /// Adds the field `name` to the error's path, if the result is an error.
    #[must_use]
    fn in_field(self, name: &'static str) -> Self;
}

impl<T> InField for Result<T, LoadError> {
    #[inline]
    fn in_field(self, name: &'static str) -> Self {
        // Not `map_err`: the closure would be instantiated, and sometimes inlined, once per field.
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(load_error(error, name)),
        }
    }
}

impl<T> InField for Result<T, SaveError> {
    #[inline]
    fn in_field(self, name: &'static str) -> Self {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(save_error(error, name)),
        }
    }
}

#[cold]
#[inline(never)]
fn load_error(error: LoadError, name: &'static str) -> LoadError {
    error.in_field(name)
}

#[cold]
#[inline(never)]
fn save_error(error: SaveError, name: &'static str) -> SaveError {
    error.in_field(name)
}
