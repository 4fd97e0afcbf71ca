//! Inputs that the macro rejects, with its messages, and inputs that it must accept.
//!
//! `tests/bless messages` rewrites the `.stderr` files. Review each one: users read these messages.

#[test]
fn compile_errors_match_golden_files() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("compile-fail/*/*.rs");
    cases.pass("compile-pass/*.rs");
}
