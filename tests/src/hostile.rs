//! Inputs that are as bad as can be, of any size: for whoever counts what they cost.
//!
//! Each case makes an input of `n` things, and says who reads it. What it costs must grow as the input does.

mod machine;
mod schemas;
mod streams;

pub use streams::{described, sections_of};

/// One kind of input, and its reader.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// What there is much of, and who reads it.
    pub name: &'static str,
    /// How many things a small input has.
    pub small: usize,
    /// Makes an input of so many things.
    pub make: fn(usize) -> Vec<u8>,
    /// Reads it. Whatever is wrong with the input is no error here: it shall only cost no more than it may.
    pub read: fn(&[u8]) -> Outcome,
}

/// What became of an input: nothing, or why it was refused.
pub type Outcome = Result<(), String>;

/// All cases.
#[must_use]
pub fn cases() -> Vec<Case> {
    [machine::CASES, streams::CASES, schemas::CASES].concat()
}

#[allow(clippy::needless_pass_by_value)] // it is what `map_err` gives
fn refused(error: impl ToString) -> String {
    error.to_string()
}
