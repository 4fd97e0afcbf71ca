//! The way to a field, as generated code says it where it passes an error on.
//!
//! Nothing but the test whether there is an error is in the device's own code, and for each field once.

use super::{LoadError, SaveError};

/// A result of saving or loading a field.
pub trait InField {
    /// Says in which field an error happened, if there is one.
    #[must_use]
    fn in_field(self, name: &'static str) -> Self;
}

impl<T> InField for Result<T, LoadError> {
    #[inline]
    fn in_field(self, name: &'static str) -> Self {
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
