//! All integration tests, in one binary.

mod board;
mod check;
mod cli;
mod compile_fail;
mod derive;
mod devices;
mod diff;
mod difference;
mod dynamic;
mod laws;
mod machine;
mod lock;
mod import;
mod stream;
mod uno;
