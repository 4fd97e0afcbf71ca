//! Rules about enums.

use syn::{DeriveInput, Ident};

use super::device::check_device;
use crate::errors::Errors;
use crate::model::{Enumeration, INTEGERS, Tagged};
use crate::parse;

pub(super) fn check_enumeration(enumeration: &Enumeration<'_>, errors: &Errors) {
    check_repr(enumeration.item, enumeration.attributes, enumeration.repr.as_ref(), errors);
    check_attributes(enumeration, errors);
    check_variants(enumeration, errors);
}

pub(super) fn check_tagged(tagged: &Tagged<'_>, errors: &Errors) {
    let input = tagged.device.input;
    check_repr(input.item, tagged.device.attributes, tagged.repr.as_ref(), errors);
    check_device(&tagged.device, errors);
    check_tagged_attributes(tagged, errors);
    for variant in &tagged.variants {
        check_variant(variant.variant, errors);
    }
    for member in input.all_members() {
        check_variant_member(&member.attributes, errors);
    }
}

/// `enum Mode { Off, On }` without a `repr`; `#[vmstate(repr = usize)]`.
///
/// A misspelt `repr`, which was reported, is an integer type.
fn check_repr(item: &DeriveInput, attributes: &parse::Struct, repr: Option<&Ident>, errors: &Errors) {
    if let Some(other) = attributes.repr.value().filter(|repr| INTEGERS.iter().all(|known| repr != known)) {
        errors.at(other, format!("unsupported wire type `{other}`: expected one of {}", INTEGERS.join(", ")));
    } else if repr.is_none() && !attributes.keys.iter().any(|key| parse::Struct::intends(key, "repr")) {
        let message =
            "missing integer type: add `#[vmstate(repr = u8)]` or `#[repr(u8)]`, or another integer of fixed size";
        errors.at(&item.ident, message);
    }
}

/// `#[vmstate(version = 2)] enum Mode`: an enum without fields has no description.
fn check_attributes(enumeration: &Enumeration<'_>, errors: &Errors) {
    // The parser has reported other keys.
    let known = enumeration.attributes.keys.iter().filter(|key| parse::Struct::knows(key));
    for key in known.filter(|key| *key != "crate" && *key != "repr" && *key != "bound") {
        errors.at(
            key,
            format!("`{key}` is not allowed on an enum without fields, which is an integer without a description"),
        );
    }
}

/// `enum Never {}`, and the rules of each variant.
fn check_variants(enumeration: &Enumeration<'_>, errors: &Errors) {
    let variants = &enumeration.data.variants;
    for variant in variants {
        check_variant(variant, errors);
    }
    if variants.is_empty() {
        errors.at(&enumeration.item.ident, "an enum without variants cannot be loaded: it has no values");
    }
}

/// `enum Mode { #[vmstate(since = 2)] Off }`.
fn check_variant(variant: &syn::Variant, errors: &Errors) {
    for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("vmstate")) {
        errors.at(attribute, "attributes are not allowed on a variant, only on its fields");
    }
}

/// `subsection("a/b")` and other attributes about the members of a struct.
fn check_tagged_attributes(tagged: &Tagged<'_>, errors: &Errors) {
    const OTHERS: [&str; 5] = ["transparent", "remote", "subsection", "removed", "field"];
    for key in tagged.device.attributes.keys.iter().filter(|key| OTHERS.iter().any(|other| key == other)) {
        errors.at(key, format!("`{key}` is not allowed on an enum: use a struct that contains the enum"));
    }
}

/// `when = path` and others with functions that need the whole struct; `subsection` on a field of a variant.
fn check_variant_member(attributes: &parse::Field, errors: &Errors) {
    const OTHERS: [&str; 8] = ["when", "must_exist", "tmp", "through", "removed", "field", "subsection", "in"];
    for key in attributes.keys.iter().filter(|key| OTHERS.iter().any(|other| key == other)) {
        errors.at(key, format!("`{key}` is not allowed in a variant: put the variant's fields into a struct"));
    }
}
