//! Rules about structs.

use syn::Data;

use super::count::check_counts;
use super::field::{check_default, check_fields};
use super::member::check_members;
use super::name::{check_minimum, check_name};
use super::subsection::check_subsections;
use crate::errors::Errors;
use crate::model::Device;

pub(super) fn check_device(device: &Device<'_>, errors: &Errors) {
    check_members(device.input, errors);
    check_name(&device.name, errors);
    check_enum_attributes(device, errors);
    check_parent_versions(device, errors);
    check_minimum(device.version, &device.attributes.minimum_version, errors);
    check_load_old(device, errors);
    check_fields(&device.fields, device.version, errors);
    for field in &device.fields {
        check_default(field, errors);
    }
    check_counts(device, errors);
    check_subsections(device, errors);
}

/// `repr = u8` or `variant(fixed)` on a struct.
fn check_enum_attributes(device: &Device<'_>, errors: &Errors) {
    if matches!(device.input.item.data, Data::Enum(_)) {
        return;
    }
    for key in device.attributes.repr.key().into_iter().chain(device.attributes.variant.key()) {
        errors.at(key, format!("`{key}` is allowed only on an enum"));
    }
}

/// `versions = child`; `versions = parent, version = 2`.
fn check_parent_versions(device: &Device<'_>, errors: &Errors) {
    let Some(word) = device.attributes.versions.value() else { return };
    if word != "parent" {
        errors.at(word, "expected `parent`");
    }
    const SECTION: [&str; 7] =
        ["version", "minimum_version", "load_old", "priority", "unmigratable", "early_setup", "needed"];
    for key in device.attributes.keys.iter().filter(|key| SECTION.iter().any(|other| key == other)) {
        errors.at(key, format!("`{key}` is not allowed with `versions = parent`: it belongs on the section's struct"));
    }
}

/// `load_old(min = 2, ...)`, but the description reads version 2.
fn check_load_old(device: &Device<'_>, errors: &Errors) {
    let minimum = device.version.minimum;
    if let Some(oldest) = device.attributes.load_old.value().and_then(|loader| loader.min.value())
        && oldest.value >= minimum
    {
        let message = format!("`min` must be below `minimum_version`, which is {minimum}");
        errors.at(&oldest.literal, message);
    }
}
