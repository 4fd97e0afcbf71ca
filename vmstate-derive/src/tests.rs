//! The macro as a whole: errors are reported together, and an implementation always exists.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use quote::quote;

use super::derive;
use crate::parse::LEVELS;

mod book;
mod golden;
mod page;

/// Returns the messages of all errors in an expansion.
fn messages(input: proc_macro2::TokenStream) -> Vec<String> {
    let text = derive(input, &quote!(::vmstate)).to_string();
    text.split("compile_error ! {").skip(1).map(|rest| rest.split('"').nth(1).unwrap_or_default().to_owned()).collect()
}

#[test]
fn all_errors_are_reported_at_once() {
    let messages = messages(quote! {
        #[vmstate(verson = 2, minimum_version = 3)]
        struct Device {
            #[vmstate(sinse = 2)]
            first: u8,
            #[vmstate(since = 5, le)]
            second: u8,
            #[vmstate(skip)]
            third: u8,
        }
    });
    assert_eq!(messages.len(), 6, "{messages:#?}");
    assert!(messages[0].contains("did you mean `version`"), "{messages:#?}");
}

#[test]
fn malformed_length_is_one_error() {
    let messages = messages(quote! {
        struct Device {
            count: u8,
            #[vmstate(len = count + 1, max = 3)]
            items: Vec<u8>,
        }
    });
    assert_eq!(messages, ["expected a field, or a field times a number or a constant, as in `len = count`"]);
}

#[test]
fn input_with_errors_gets_an_implementation() {
    let text = derive(
        quote!(
            #[vmstate(nme = 1)]
            struct Device {
                a: u8,
            }
        ),
        &quote!(::vmstate),
    )
    .to_string();
    assert!(text.contains("impl __vmstate :: VmState for Device"));
}

/// `tests/compile-pass/lints.rs` enables all lints, so it must use all attributes.
#[test]
fn lints_cover_every_attribute() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/compile-pass/lints.rs");
    let text = fs::read_to_string(path).unwrap();
    let attributes: Vec<_> = text.split("#[vmstate(").skip(1).filter_map(|rest| rest.split(")]\n").next()).collect();
    let words: HashSet<_> = attributes
        .iter()
        .flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .collect();
    for level in LEVELS {
        for key in level.keys {
            assert!(words.contains(key), "no device in compile-pass/lints.rs has the {} `{key}`", level.noun);
        }
    }
}
