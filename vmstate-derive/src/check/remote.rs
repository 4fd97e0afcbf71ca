//! Rules about remote definitions.

use quote::ToTokens;

use crate::errors::Errors;
use crate::model::{Device, Field, Form};

/// Rejects functions, which would be called with the local view; subsections; generics.
pub(super) fn check_remote(device: &Device<'_>, errors: &Errors) {
    let attributes = device.attributes;
    const ALLOWED: [&str; 5] = ["remote", "name", "version", "minimum_version", "crate"];
    for key in attributes.keys.iter().filter(|key| ALLOWED.iter().all(|allowed| key != allowed)) {
        errors.at(key, format!("`{key}` is not allowed on a `remote` definition"));
    }
    if !device.generics().params.is_empty() {
        errors.at(
            device.generics(),
            "a `remote` definition must not be generic: name a concrete type, as in `remote = Type<u8>`",
        );
    }
    for skipped in &device.skipped {
        errors.at(&skipped.member, "a `remote` definition has only migrated fields: remove this one");
    }
    for subsection in &device.subsections {
        errors.at(&subsection.attributes.key, "subsections are not allowed on a `remote` definition");
    }
    device.fields.iter().for_each(|field| check_field(field, errors));
}

/// `when = path`, `must_exist("text", path)`, `tmp = Type`, `through(...)` and `removed(with = path, from = path)`.
fn check_field(field: &Field, errors: &Errors) {
    let when = field.gate.when.as_ref().map(ToTokens::to_token_stream);
    let functions = match &field.form {
        Form::Temporary(temporary) => vec![temporary.0.to_token_stream()],
        Form::Through(through) => vec![through.get.to_token_stream(), through.set.to_token_stream()],
        Form::Removed(removed) => removed.with.iter().chain(&removed.from).map(ToTokens::to_token_stream).collect(),
        _ => Vec::new(),
    };
    let conditions = field.conditions.iter().map(|condition| condition.holds.to_token_stream());
    for tokens in when.into_iter().chain(functions).chain(conditions) {
        errors.at(tokens, "functions are not allowed on a `remote` definition");
    }
}
