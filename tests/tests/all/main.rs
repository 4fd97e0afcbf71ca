//! All integration tests, in one binary.

mod adapters;
mod board;
mod check;
mod cli;
mod derive;
mod devices;
mod diff;
mod difference;
mod dynamic;
mod forms;
mod guide;
mod import;
mod laws;
mod lock;
mod machine;
mod memory;
mod migration;
mod rewind;
mod snapshot;
mod stream;
mod uno;
