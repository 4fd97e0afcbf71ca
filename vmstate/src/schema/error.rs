//! The error of parsing schemas and dumps.

use std::fmt;

use vmstate_types::text::{OneLine, shortened};

/// An error of parsing a schema or a dump.
#[derive(Debug)]
pub struct SchemaError {
    expected: &'static str,
    found: String,
}

impl SchemaError {
    pub(super) fn new(expected: &'static str, found: impl fmt::Display) -> Self {
        Self { expected, found: shortened(&found) }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, OneLine(&self.found))
    }
}

impl std::error::Error for SchemaError {}
