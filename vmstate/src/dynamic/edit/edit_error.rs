//! Errors of edits.
use std::borrow::Cow;
use std::fmt;

use vmstate_types::LoadError;
use vmstate_types::text::{OneLine, shortened};

/// An error of editing a stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum EditError {
    /// The stream is malformed, or does not match its description.
    Stream(LoadError),
    /// The edit is not possible.
    Rejected(Rejection),
}

/// The reason why a change cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    edit: String,
    expected: Cow<'static, str>,
    found: String,
    advice: Option<Cow<'static, str>>,
}

impl Rejection {
    pub(super) fn new(edit: impl Into<String>) -> Self {
        Self { edit: shortened(&edit.into()), expected: Cow::Borrowed(""), found: String::new(), advice: None }
    }

    /// Creates the rejection of a change that [`named`](Self::named) will name.
    pub(super) fn because(expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        Self::new("cannot change the section").expected(expected, found)
    }

    pub(super) fn expected(mut self, expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        (self.expected, self.found) = (expected.into(), shortened(&found));
        self
    }

    pub(super) fn or_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Names the edit that was rejected.
    pub(super) fn named(self, edit: &str) -> Self {
        Self { edit: shortened(&edit), ..self }
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
        let Self { edit, expected, found, advice } = self;
        let (edit, expected, found) = (OneLine(edit), OneLine(expected), OneLine(found));
        if !f.alternate() {
            return write!(f, "{edit}: expected {expected}, found {found}");
        }
        write!(f, "{edit}\n  expected  {expected}\n  found     {found}")?;
        match advice {
            Some(advice) => write!(f, "\n  advice    {}", OneLine(advice)),
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
