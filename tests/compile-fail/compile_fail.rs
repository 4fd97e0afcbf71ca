//! Inputs that the macro rejects, with its messages.
//!
//! `tests/bless messages` rewrites the `.stderr` files. Review each one: users read these messages.

/// One run of `cargo check` reports the errors of all cases.
#[test]
fn compile_errors_match_golden_files() {
    trybuild::TestCases::new().compile_fail("*/*.rs");
}

/// Errors in functions with parameters need code generation. With a case that must pass, trybuild generates code, but
/// runs Cargo for each case.
#[test]
fn instantiation_errors_match_golden_files() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("*/instantiated/*.rs");
    cases.pass("passes.rs");
}
