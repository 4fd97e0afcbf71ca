//! All integration tests, in one binary.

mod cli;
mod compile_fail;
mod conformance;
mod derive;
mod devices;
mod dynamic;
mod many;
mod stream;
mod uno;
