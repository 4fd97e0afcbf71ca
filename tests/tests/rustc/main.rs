//! Tests that compile Rust.

mod compile_fail;
mod fixes;
mod import;
