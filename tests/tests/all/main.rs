//! All integration tests, in one binary.

mod derive;
mod dynamic;
mod stream;
mod uno;
