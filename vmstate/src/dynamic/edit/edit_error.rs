//! Why a stream could not be changed.

use std::borrow::Cow;
use std::fmt;

use vmstate_types::LoadError;

/// Why a stream could not be changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum EditError {
    /// The stream is malformed, or does not match its description.
    Stream(LoadError),
    /// The edit is not possible.
    Rejected(Rejection),
}

/// A change that cannot be made, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    what: String,
    expected: Cow<'static, str>,
    found: String,
    advice: Option<Cow<'static, str>>,
}

impl Rejection {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), expected: Cow::Borrowed(""), found: String::new(), advice: None }
    }

    /// Of a change that is yet to be named.
    pub(super) fn because(expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        Self::new("cannot change the section").expected(expected, found)
    }

    pub(super) fn expected(mut self, expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        (self.expected, self.found) = (expected.into(), found.to_string());
        self
    }

    pub(super) fn or_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Names the edit that was rejected.
    pub(super) fn named(self, what: String) -> Self {
        Self { what, ..self }
    }

    /// Returns the values that the format, or the current value, allows.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.expected
    }

    /// Returns the value that was given instead.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }
}

/// One line, or with `{:#}` a table that includes the advice.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, expected, found, advice } = self;
        if !f.alternate() {
            return write!(f, "{what}: expected {expected}, found {found}");
        }
        write!(f, "{what}\n  expected  {expected}\n  found     {found}")?;
        match advice {
            Some(advice) => write!(f, "\n  advice    {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Rejection {}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => error.fmt(f),
            Self::Rejected(rejection) => rejection.fmt(f),
        }
    }
}

impl std::error::Error for EditError {}

impl From<Rejection> for EditError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}
