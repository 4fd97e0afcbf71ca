//! Pages to read, about more than one part of the crate.
//!
//! | page | what it is about |
//! |---|---|
//! | [`speed`] | how fast it is, and how that is measured |

#[doc = include_str!("speed.md")]
pub mod speed {}
