//! What the macro refuses, with its words; and what it must accept.
//!
//! `TRYBUILD=overwrite` writes the `.stderr` files anew. Read each one: it is what a user gets to see.

#[test]
fn compile_errors_match_golden_files() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("compile-fail/*/*.rs");
    cases.pass("compile-pass/*.rs");
}
