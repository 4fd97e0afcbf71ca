//! All integration tests, in one binary.

mod derive;
mod stream;
mod uno;
