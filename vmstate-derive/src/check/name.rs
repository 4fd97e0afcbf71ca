//! Rules about names and versions, which structs and subsections share.

use syn::LitStr;

use crate::errors::Errors;
use crate::model::Version;
use crate::parse::{Number, Once};

/// A stream has one byte for the length of a name.
const MAX_NAME: usize = 255;

/// `name = ""`, or one that no length byte can count.
pub(super) fn check_name(name: &LitStr, errors: &Errors) {
    let text = name.value();
    if text.is_empty() {
        errors.at(name, "a name cannot be empty");
    } else if text.len() > MAX_NAME {
        errors.at(name, format!("a name has at most {MAX_NAME} bytes on the wire; this one has {}", text.len()));
    } else if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        errors.at(name, "a name consists of printable ASCII characters");
    }
}

/// `version = 2, minimum_version = 3`
pub(super) fn check_minimum(version: Version, minimum: &Once<Number>, errors: &Errors) {
    if let Some(minimum) = minimum.value()
        && minimum.value > version.current
    {
        let message = format!("`minimum_version` is above `version`, which is {}: nothing could load", version.current);
        errors.at(&minimum.literal, message);
    }
}
