//! Rules about the fields of a struct or of a subsection.

use std::collections::HashMap;

use super::name::check_name;
use super::types::check_type;
use crate::errors::Errors;
use crate::model::{Field, Gate, UNUSED, Version};
use crate::parse::Number;

/// The fields of the struct, or of one subsection: `a: u8`, and then `#[vmstate(name = "a")] b: u8`.
pub(super) fn check_fields(fields: &[Field], version: Version, errors: &Errors) {
    let mut gates: HashMap<String, Vec<&Gate>> = HashMap::new();
    // Padding stands whenever its field does, and may repeat as in QEMU, where descriptions number it.
    for field in fields.iter().filter(|field| !field.is_unused()) {
        check_name(&field.name, errors);
        check_type(field, errors);
        check_gate(&field.gate, version, errors);
        let text = field.name.value();
        let others = gates.entry(text.clone()).or_default();
        if text != UNUSED && others.iter().any(|other| !field.gate.excludes(other)) {
            let message =
                format!("another field is named {text:?} already; QEMU numbers such fields: `name = \"{text}[1]\"`");
            errors.at(&field.name, message);
        }
        others.push(&field.gate);
    }
}

/// `since = 4` in version 3; `since = 2` where no version below 3 is loaded; `since = 3, until = 2`; `when` with either.
fn check_gate(gate: &Gate, version: Version, errors: &Errors) {
    let Version { current, minimum } = version;
    if gate.when.is_some() {
        for number in gate.since.iter().chain(&gate.until) {
            let message = "`when` decides alone and this has no effect beside it: ask for the version in the predicate";
            errors.at(&number.literal, message);
        }
        return;
    }
    if let Some(since) = &gate.since {
        check_since(since, version, errors);
    }
    if let Some(until) = &gate.until {
        if gate.since.as_ref().is_some_and(|since| since.value > until.value) {
            errors.at(&until.literal, "`until` is below `since`: no version has this field");
        } else if until.value < minimum {
            let message = format!("no version that is loaded ({minimum} and later) has this field: remove it");
            errors.at(&until.literal, message);
        } else if until.value >= current {
            let message = format!(
                "every version up to the current one, {current}, has this field: raise `version`, or leave `until` out"
            );
            errors.at(&until.literal, message);
        }
    }
}

fn check_since(since: &Number, version: Version, errors: &Errors) {
    let Version { current, minimum } = version;
    if since.value > current {
        let message = format!("the version is {current}, which has no such field: raise `version` to {}", since.value);
        errors.at(&since.literal, message);
    } else if since.value < minimum {
        let message =
            format!("no version below {minimum} is loaded, and all others have this field: leave `since` out");
        errors.at(&since.literal, message);
    }
}

/// `default` on a field that is in every stream.
pub(super) fn check_default(field: &Field, errors: &Errors) {
    if field.default.is_some() && field.gate.is_open() {
        let message = "`default` is what a field becomes that is not in the stream, but this one always is: \
                       say when it is not (`since`, `until`, `when`)";
        errors.at(&field.name, message);
    }
}
