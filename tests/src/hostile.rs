//! Worst-case inputs of any size, for tests of time and memory.
//!
//! Each case generates an input of `n` items and names its parser. The cost has to be linear in the input.

mod machine;
mod schemas;
mod streams;

pub use machine::load_into_greedy;
pub use streams::{described, sections_of};

/// One kind of input, and its reader.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The repeated item and the parser.
    pub name: &'static str,
    /// The number of items in a small input.
    pub small: usize,
    /// Makes an input of so many things.
    pub make: fn(usize) -> Vec<u8>,
    /// Parses the input. Rejecting it is not a failure: only the cost is bounded.
    pub read: fn(&[u8]) -> Outcome,
}

/// The result of parsing an input, with the error as text.
pub type Outcome = Result<(), String>;

/// All cases.
#[must_use]
pub fn cases() -> Vec<Case> {
    [machine::CASES, streams::CASES, schemas::CASES, schemas::REPEATED].concat()
}

#[allow(clippy::needless_pass_by_value)] // `map_err` passes it by value
fn refused(error: impl ToString) -> String {
    error.to_string()
}
