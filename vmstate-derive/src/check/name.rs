//! Rules about names and versions, which structs and subsections share.

use syn::LitStr;

use crate::errors::Errors;
use crate::model::Version;
use crate::parse::{Number, Once};

/// A stream has one byte for the length of a name.
const MAX_NAME: usize = 255;

/// `name = ""`, `name = "über"`, or a name of more than 255 bytes.
pub(super) fn check_name(name: &LitStr, errors: &Errors) {
    let text = name.value();
    if text.is_empty() {
        errors.at(name, "name must not be empty");
    } else if text.len() > MAX_NAME {
        errors.at(name, format!("name too long: {} bytes, at most {MAX_NAME} fit the wire format", text.len()));
    } else if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        errors.at(name, "name must consist of printable ASCII characters");
    }
}

/// `version = 2, minimum_version = 3`
pub(super) fn check_minimum(version: Version, minimum: &Once<Number>, errors: &Errors) {
    if let Some(minimum) = minimum.value()
        && minimum.value > version.current
    {
        let message =
            format!("`minimum_version` exceeds `version`, which is {}: no version could be loaded", version.current);
        errors.at(&minimum.literal, message);
    }
}
