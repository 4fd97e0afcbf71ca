//! Rules about `transparent` structs.

use crate::errors::Errors;
use crate::model::Newtype;

/// `transparent, version = 2`, or an attribute on the field: neither has a description that it could apply to.
pub(super) fn check_newtype(newtype: &Newtype<'_>, errors: &Errors) {
    for key in newtype.attributes.keys.iter().filter(|key| *key != "crate" && *key != "transparent" && *key != "bound")
    {
        errors.at(key, format!("`{key}` is not allowed with `transparent`: the struct has no description"));
    }
    for key in &newtype.field.attributes.keys {
        errors
            .at(key, format!("`{key}` is not allowed in a `transparent` struct: the field's type determines its form"));
    }
}
