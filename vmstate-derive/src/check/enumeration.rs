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
        let message = "missing integer type: add `#[repr(u8)]`, or another integer of fixed size";
        errors.at(&enumeration.item.ident, message);
    }
}

/// `#[vmstate(version = 2)] enum Mode`: an enum has no description.
fn check_attributes(enumeration: &Enumeration<'_>, errors: &Errors) {
    for key in enumeration.attributes.keys.iter().filter(|key| *key != "crate") {
        errors.at(key, format!("`{key}` is not allowed on an enum, which is an integer without a description"));
    }
}

/// `enum Mode { Off, On(u8) }`, `enum Mode { #[vmstate(since = 2)] Off }`, `enum Never {}`.
fn check_variants(enumeration: &Enumeration<'_>, errors: &Errors) {
    let variants = &enumeration.data.variants;
    for variant in variants.iter().filter(|variant| !matches!(variant.fields, Fields::Unit)) {
        errors
            .at(&variant.fields, "variants with fields are not supported: use a struct with a number and these fields");
    }
    for variant in variants {
        for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("vmstate")) {
            errors.at(attribute, "attributes are not allowed on a variant, which is only a number");
        }
    }
    if variants.is_empty() {
        errors.at(&enumeration.item.ident, "an enum without variants cannot be loaded: it has no values");
    }
}
