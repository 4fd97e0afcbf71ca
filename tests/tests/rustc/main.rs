//! Tests that compile Rust.

mod compile_fail;
