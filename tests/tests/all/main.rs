//! All integration tests, in one binary.

mod cli;
mod compile_fail;
mod conformance;
mod derive;
mod dynamic;
mod grammar;
mod many;
mod stream;
mod uno;
