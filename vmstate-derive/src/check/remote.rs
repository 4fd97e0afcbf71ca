//! Rules about remote definitions.

use quote::ToTokens;

use crate::errors::Errors;
use crate::model::{Device, Field, Form};

/// What is about a struct of one's own, in a mirror: functions, which would get the view; subsections; generics.
pub(super) fn check_remote(device: &Device<'_>, errors: &Errors) {
    let attributes = device.attributes;
    const ALLOWED: [&str; 5] = ["remote", "name", "version", "minimum_version", "crate"];
    for key in attributes.keys.iter().filter(|key| ALLOWED.iter().all(|allowed| key != allowed)) {
        errors
            .at(key, format!("`{key}` has no place in a mirror, which says how fields stand on the wire and no more"));
    }
    if !device.generics().params.is_empty() {
        errors.at(device.generics(), "a mirror has no parameters: name the type that it mirrors with its own");
    }
    for skipped in &device.skipped {
        errors.at(&skipped.member, "a mirror has the migrated fields only: leave this one out");
    }
    for subsection in &device.subsections {
        errors.at(&subsection.attributes.key, "a mirror has no subsections");
    }
    device.fields.iter().for_each(|field| check_field(field, errors));
}

/// `when = path`, `must_exist("text", path)`, `tmp = Type` and `removed(with = path, from = path)` in a mirror.
fn check_field(field: &Field, errors: &Errors) {
    let when = field.gate.when.as_ref().map(ToTokens::to_token_stream);
    let functions = match &field.form {
        Form::Temporary(temporary) => vec![temporary.0.to_token_stream()],
        Form::Removed(removed) => removed.with.iter().chain(&removed.from).map(ToTokens::to_token_stream).collect(),
        _ => Vec::new(),
    };
    let conditions = field.conditions.iter().map(|condition| condition.holds.to_token_stream());
    for tokens in when.into_iter().chain(functions).chain(conditions) {
        errors.at(tokens, "a mirror has no functions: they are about structs of one's own");
    }
}
