//! Why a stream could not be changed.

use std::borrow::Cow;
use std::fmt;

use vmstate_types::LoadError;

/// Why a stream could not be changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum EditError {
    /// The stream is broken, or not what its description says.
    Stream(LoadError),
    /// The change is none that can be made.
    Refused(Rejection),
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

    /// Says which change it is.
    pub(super) fn named(self, what: String) -> Self {
        Self { what, ..self }
    }

    /// What the format, or the value in its place, allows.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.expected
    }

    /// What was asked for instead.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  expected  {}\n  found     {}", self.what, self.expected, self.found)?;
        match &self.advice {
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
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl std::error::Error for EditError {}

impl From<Rejection> for EditError {
    fn from(refusal: Rejection) -> Self {
        Self::Refused(refusal)
    }
}
