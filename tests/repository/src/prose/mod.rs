//! A count of habits of wording that this project avoids, compared with a budget.
//!
//! Counted are Markdown, comments and documentation in Rust, string literals that read like messages, names of tests,
//! and the comments of scripts and manifests. Code in any of them is not.

mod budget;
mod extract;
mod files;
mod habits;
mod words;

pub use budget::{Budget, Counts, Excess};
pub use files::{Finding, Survey};
pub use habits::{HABITS, Habit};
