//! The expansion of each input in `tests/golden`, compared with `tests/golden/<name>.expected.rs`.
//!
//! `VMSTATE_BLESS=1` updates the files. Review the difference: every user's crate compiles it.

use std::path::{Path, PathBuf};
use std::{env, fs};

use quote::quote;

use crate::derive;

#[test]
fn expansions_are_unchanged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let inputs = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut inputs: Vec<PathBuf> = inputs.filter(|path| !path.to_string_lossy().ends_with(".expected.rs")).collect();
    inputs.sort();
    assert!(!inputs.is_empty());
    let changed: Vec<_> = inputs.iter().filter(|input| !is_as_expected(input)).collect();
    assert!(changed.is_empty(), "expansions have changed; see `git diff` after VMSTATE_BLESS=1: {changed:#?}");
}

/// Returns whether the expansion of `input` is the expected one, after updating that if asked to.
fn is_as_expected(input: &Path) -> bool {
    let expanded = expand(input, &fs::read_to_string(input).unwrap());
    let expected = input.with_extension("expected.rs");
    if env::var_os("VMSTATE_BLESS").is_some() {
        fs::write(&expected, &expanded).unwrap();
    }
    fs::read_to_string(&expected).unwrap_or_default() == expanded
}

fn expand(path: &Path, input: &str) -> String {
    let expansion = derive(input.parse().unwrap(), &quote!(::vmstate));
    let text = prettyplease::unparse(&syn::parse2(expansion).unwrap());
    assert_eq!(text.contains("compile_error!"), path.ends_with("mistake.rs"), "{text}");
    text
}
