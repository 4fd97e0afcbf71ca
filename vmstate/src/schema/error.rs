//! The error of parsing schemas and dumps.

use std::fmt;

/// An error of parsing a schema or a dump.
#[derive(Debug)]
pub struct SchemaError {
    expected: &'static str,
    found: String,
}

impl SchemaError {
    pub(super) fn new(expected: &'static str, found: impl fmt::Display) -> Self {
        Self { expected, found: found.to_string() }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for SchemaError {}
