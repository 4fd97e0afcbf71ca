//! Rules about the attributes of one member.

use syn::LitStr;

use super::choice::check_form;
use crate::errors::Errors;
use crate::parse::{self, Extra, InputField, Versioned, Was};

pub(super) fn check_members(input: &parse::Input<'_>, errors: &Errors) {
    for field in input.all_members() {
        if field.attributes.has("skip") {
            check_skipped(&field.attributes, errors);
        } else {
            check_member(field, &input.attributes.groups, errors);
        }
    }
    check_extra(&input.attributes.extra, errors);
}

/// `skip = "reason", since = 2`
fn check_skipped(attributes: &parse::Field, errors: &Errors) {
    let rule = "is not allowed with `skip`: the field is not on the wire";
    check_others(attributes, &["skip", "reset"], rule, errors);
}

fn check_member(field: &InputField<'_>, groups: &[parse::Subsection], errors: &Errors) {
    let InputField { ty, attributes, .. } = field;
    if let Some(reset) = attributes.reset.key() {
        errors.at(reset, "`reset` requires `skip = \"reason\"`: it sets skipped fields after a load");
    }
    check_form(attributes.through.value().map_or(*ty, |through| &through.ty), attributes, errors);
    check_extra(&attributes.extra, errors);
    check_subsection(attributes, groups, errors);
    check_old_versions(attributes, errors);
}

/// `versioned(was(..=2 => 1)), default`; `versioned(was(..=3 => 1, ..=2 => 1))`
fn check_old_versions(attributes: &parse::Field, errors: &Errors) {
    let Some(Versioned::Was(was)) = attributes.versioned.value() else { return };
    for key in attributes.keys.iter().filter(|key| ["when", "until", "default"].iter().any(|other| key == other)) {
        errors.at(key, format!("`{key}` is not allowed with `versioned(was(...))`"));
    }
    let mut reached = None;
    for Was { until, .. } in was {
        if reached.is_some_and(|reached| until.value <= reached) {
            errors.at(&until.literal, "unreachable `was` entry: list versions in ascending order");
        }
        reached = Some(until.value);
    }
}

/// `subsection, since = 2`; `subsection("a/b"), in = "a/c"`
fn check_subsection(attributes: &parse::Field, groups: &[parse::Subsection], errors: &Errors) {
    if attributes.subsection.value().is_some_and(|subsection| subsection.name.is_none()) {
        let rule = "is not allowed here: the field's type describes the whole subsection";
        check_others(attributes, &["subsection", "in"], rule, errors);
    }
    if let Some((key, group)) = attributes.group.entry() {
        if attributes.subsection.is_set() {
            errors.at(key, "`in` and `subsection` are mutually exclusive: a field is in one subsection");
        } else {
            check_group(group, groups, errors);
        }
    }
}

/// `in = "a/b"` without `subsection("a/b")` on the struct.
fn check_group(name: &LitStr, groups: &[parse::Subsection], errors: &Errors) {
    let text = name.value();
    if groups.iter().any(|group| group.has_name(&text)) {
        return;
    }
    let names: Vec<_> = groups.iter().filter_map(parse::Subsection::text).collect();
    errors.at(
        name,
        match names.as_slice() {
            [] => format!("unknown subsection: add `subsection({text:?})` to the struct"),
            names => format!("unknown subsection; expected one of: {}", names.join(", ")),
        },
    );
}

fn check_extra(extra: &[Extra], errors: &Errors) {
    for extra in extra {
        if let Extra::Placed(placed) = extra {
            check_form(&placed.ty, &placed.attributes, errors);
        }
    }
}

/// Rejects all attributes except `allowed`.
fn check_others(attributes: &parse::Field, allowed: &[&str], rule: &str, errors: &Errors) {
    for key in attributes.keys.iter().filter(|key| allowed.iter().all(|allowed| key != allowed)) {
        errors.at(key, format!("`{key}` {rule}"));
    }
}
