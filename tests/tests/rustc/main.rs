//! Tests that compile Rust.

mod fixes;
mod import;
