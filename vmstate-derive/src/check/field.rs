//! Rules about the fields of a struct or of a subsection.

use std::collections::HashMap;

use super::name::check_name;
use super::types::check_type;
use crate::errors::Errors;
use crate::model::{Field, Form, Gate, UNUSED, Version};
use crate::parse::Number;

/// `a: u8, #[vmstate(name = "a")] b: u8`, and the rules of each field.
/// Returns the advice for a name that another field has.
fn unique_name(fields: &[Field], text: &str) -> String {
    let is_prefix = |field: &Field| matches!(field.form, Form::LengthPrefix(_)) && field.name.value() == text;
    if fields.iter().any(is_prefix) {
        format!("the number of elements needs another name, as in `count(\"num_{text}\": u32)`")
    } else {
        format!("number the fields as QEMU does, `name = \"{text}[1]\"`")
    }
}

pub(super) fn check_fields(fields: &[Field], version: Version, errors: &Errors) {
    let mut gates: HashMap<String, Vec<&Gate>> = HashMap::new();
    // Padding has the gate of its field, and may repeat: QEMU's descriptions number it.
    for field in fields.iter().filter(|field| !field.is_unused()) {
        check_name(&field.name, errors);
        check_type(field, errors);
        check_gate(&field.gate, version, errors);
        let text = field.name.value();
        // Fields of different versions may share a name, as when the type of a field changes.
        let others = gates.entry(text.clone()).or_default();
        if text != UNUSED && others.iter().any(|other| !field.gate.excludes(other)) {
            errors.at(&field.name, format!("duplicate field name {text:?}: {}", unique_name(fields, &text)));
        }
        others.push(&field.gate);
    }
}

/// `since = 4` in version 3; `since = 2, minimum_version = 3`; `since = 3, until = 2`; `when` with either.
fn check_gate(gate: &Gate, version: Version, errors: &Errors) {
    let Version { current, minimum } = version;
    if gate.when.is_some() {
        // QEMU's `field_exists` replaces the comparison with `version_id` (`vmstate_load_state`), so both together
        // would suggest a check that does not happen.
        for number in gate.since.iter().chain(&gate.until) {
            let message = "a version bound has no effect with `when`: check the version in the predicate";
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
            let message = format!("no version from `minimum_version` ({minimum}) on has this field: remove it");
            errors.at(&until.literal, message);
        } else if until.value >= current {
            let message =
                format!("`until` must be below the current version, {current}: raise `version`, or remove `until`");
            errors.at(&until.literal, message);
        }
    }
}

fn check_since(since: &Number, version: Version, errors: &Errors) {
    let Version { current, minimum } = version;
    if since.value > current {
        let message = format!("`since` exceeds the current version, {current}: raise `version` to {}", since.value);
        errors.at(&since.literal, message);
    } else if since.value < minimum {
        let message =
            format!("`since` has no effect, because all versions from {minimum} on have this field: remove it");
        errors.at(&since.literal, message);
    }
}

/// `default` without `since`, `until` or `when`.
pub(super) fn check_default(field: &Field, errors: &Errors) {
    if let Some(default) = field.default.as_ref().filter(|_| field.gate.is_open()) {
        let message = "`default` has no effect, because every stream has this field: add `since`, `until` or `when`";
        errors.at(&default.key, message);
    }
}
