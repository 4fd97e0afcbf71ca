//! Rules about enums.

use syn::Fields;

use crate::errors::Errors;
use crate::model::Enumeration;

pub(super) fn check_enumeration(enumeration: &Enumeration<'_>, errors: &Errors) {
    check_repr(enumeration, errors);
    check_attributes(enumeration, errors);
    check_variants(enumeration, errors);
}

/// `enum Mode { Off, On }` without `#[repr(u8)]`.
fn check_repr(enumeration: &Enumeration<'_>, errors: &Errors) {
    if enumeration.repr.is_none() {
        let message = "say what number the enum is on the wire: `#[repr(u8)]`, or another integer of fixed size";
        errors.at(&enumeration.item.ident, message);
    }
}

/// `#[vmstate(version = 2)] enum Mode`: an enum has no description.
fn check_attributes(enumeration: &Enumeration<'_>, errors: &Errors) {
    for key in enumeration.attributes.keys.iter().filter(|key| *key != "crate") {
        errors.at(key, format!("`{key}` belongs on a struct: an enum is a number, and has nothing to describe"));
    }
}

/// `enum Mode { Off, On(u8) }`, `enum Mode { #[vmstate(since = 2)] Off }`, `enum Never {}`.
fn check_variants(enumeration: &Enumeration<'_>, errors: &Errors) {
    let variants = &enumeration.data.variants;
    for variant in variants.iter().filter(|variant| !matches!(variant.fields, Fields::Unit)) {
        errors
            .at(&variant.fields, "a variant with fields has no wire form; keep the number and the fields in a struct");
    }
    for variant in variants {
        for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("vmstate")) {
            errors.at(attribute, "a variant is a number, and nothing can be said about it");
        }
    }
    if variants.is_empty() {
        errors.at(&enumeration.item.ident, "an enum without variants can never be loaded");
    }
}
