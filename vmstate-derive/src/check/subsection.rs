//! Rules about subsections.

use super::field::{check_default, check_fields};
use super::name::{check_minimum, check_name};
use crate::errors::Errors;
use crate::model::{Absent, Body, Device, Subsection, builtin};
use crate::parse::Was;

/// A load records the subsections it has seen in a word of this many bits.
const MAX_SUBSECTIONS: usize = 128;
/// QEMU compares only the low byte of a subsection's version (`vmstate_subsection_load` in `migration/vmstate.c`).
const MAX_SUBSECTION_VERSION: u32 = 255;

pub(super) fn check_subsections(device: &Device<'_>, errors: &Errors) {
    check_subsection_count(device, errors);
    for (index, subsection) in device.subsections.iter().enumerate() {
        check_subsection(device, subsection, errors);
        check_was(device, subsection, errors);
        check_subsection_names(subsection, &device.subsections[..index], errors);
    }
}

fn check_subsection_count(device: &Device<'_>, errors: &Errors) {
    if let Some(subsection) = device.subsections.get(MAX_SUBSECTIONS) {
        errors.at(&subsection.attributes.key, format!("too many subsections: at most {MAX_SUBSECTIONS} are supported"));
    }
}

/// `subsection("fifo")` in a struct named `serial`; a group without fields; `absent = maybe`.
fn check_subsection(device: &Device<'_>, subsection: &Subsection<'_>, errors: &Errors) {
    let attributes = &subsection.attributes;
    if let Some(name) = subsection.name() {
        let parent = device.name.value();
        check_name(name, errors);
        // QEMU compares only the prefix (`vmstate_subsection_load`); a few names have no slash, such as `or-irq-extras`.
        if name.value().strip_prefix(&parent).is_none_or(str::is_empty) {
            errors.at(name, format!("subsection name must start with the struct's name, as in \"{parent}/...\""));
        }
    }
    if let Some(absent) = attributes.absent.value()
        && !["keep", "default", "error"].iter().any(|word| absent == word)
    {
        errors.at(absent, "expected `keep`, `default` or `error`");
    }
    match &subsection.body {
        Body::Own { .. } => check_own(subsection, errors),
        // A field with a misspelt `in`, which was reported, is probably one of this subsection.
        Body::Group(fields) if fields.is_empty() && has_unknown_group(device) => {}
        Body::Group(fields) if fields.is_empty() && !attributes.empty.is_set() => {
            let name = attributes.text().unwrap_or_default();
            let message = format!(
                "subsection without fields: add `in = {name:?}` to a field, or `empty` if QEMU's has no fields either"
            );
            errors.at(&attributes.name, message);
            return;
        }
        _ => check_described(subsection, errors),
    }
    check_empty(subsection, errors);
    check_needed(subsection, errors);
}

/// `subsection("dev/a", empty)` with fields.
fn check_empty(subsection: &Subsection<'_>, errors: &Errors) {
    let is_empty = matches!(&subsection.body, Body::Group(fields) if fields.is_empty());
    if let Some(key) = subsection.attributes.empty.key().filter(|_| !is_empty) {
        errors.at(key, "`empty` is not allowed on a subsection with fields: remove it");
    }
}

/// `subsection("dev/a")` on a `u8`; `subsection("dev/a", always)` on an `Option`.
fn check_needed(subsection: &Subsection<'_>, errors: &Errors) {
    let attributes = &subsection.attributes;
    let optional = matches!(&subsection.body, Body::Optional(_) | Body::Own { optional: true, .. });
    let other = attributes.needed.key().map(|_| "`needed`").or_else(|| optional.then_some("an `Option`"));
    match (attributes.always.key(), other) {
        (Some(key), Some(other)) => {
            let message = format!("`always` is not allowed with {other}, which decides whether it is sent");
            errors.at(key, message);
        }
        // The description of the member's type, which the macro does not know, may have the predicate.
        (None, None) if !matches!(subsection.body, Body::Own { .. }) && !attributes.misses("needed") => {
            let message = "missing condition: a subsection that every stream has cannot be loaded by an older release; \
                           add `needed = |dev| dev.level != 0`, or `always` if QEMU's has no `.needed` either";
            errors.at(&attributes.name, message);
        }
        _ => {}
    }
}

/// Returns whether a member is in a subsection that the struct does not have.
fn has_unknown_group(device: &Device<'_>) -> bool {
    let groups = &device.attributes.groups;
    let mut named = device.input.all_members().filter_map(|member| member.attributes.group.value());
    named.any(|name| !groups.iter().any(|group| group.has_name(&name.value())))
}

/// `was(..=3 => 1)` in version 3; `was(..=3 => 1, ..=2 => 1)`.
fn check_was(device: &Device<'_>, subsection: &Subsection<'_>, errors: &Errors) {
    let mut reached = None;
    for Was { until, version } in subsection.attributes.was.value().into_iter().flatten() {
        if until.value >= device.version.current {
            let message =
                format!("`was` applies to versions below the struct's version, which is {}", device.version.current);
            errors.at(&until.literal, message);
        }
        if reached.is_some_and(|reached| until.value <= reached) {
            errors.at(&until.literal, "unreachable `was` entry: list versions in ascending order");
        }
        // The version of a subsection that the field's type describes is unknown to the macro.
        let described_here = !matches!(subsection.body, Body::Own { .. });
        if described_here && version.value > subsection.version().current {
            let message =
                format!("version exceeds the subsection's version, which is {}", subsection.version().current);
            errors.at(&version.literal, message);
        }
        reached = Some(until.value);
    }
}

/// `subsection(version = 2)` without a name.
fn check_own(subsection: &Subsection<'_>, errors: &Errors) {
    let attributes = &subsection.attributes;
    if let Body::Own { ty, .. } = &subsection.body
        && let Some(name) = builtin(ty)
    {
        let message = format!(
            "a subsection without a name requires a struct that derives `VmState`; found `{name}`: \
            add the name, as in `subsection(\"parent/name\")`"
        );
        errors.at(ty, message);
    }
    let hooks = attributes.hooks.all().map(|(key, _)| key);
    for key in [attributes.version.key(), attributes.minimum_version.key()].into_iter().flatten().chain(hooks) {
        errors.at(key, format!("`{key}` belongs on the field's type, which describes the whole subsection"));
    }
}

/// The rules of a struct, for a subsection that this struct describes.
fn check_described(subsection: &Subsection<'_>, errors: &Errors) {
    let attributes = &subsection.attributes;
    check_minimum(subsection.version(), &attributes.minimum_version, errors);
    if let Some(version) = attributes.version.value().filter(|version| version.value > MAX_SUBSECTION_VERSION) {
        let message = format!("subsection version exceeds {MAX_SUBSECTION_VERSION}: QEMU reads only its low byte");
        errors.at(&version.literal, message);
    }
    check_fields(subsection.fields(), subsection.version(), errors);
    if subsection.policy() != Absent::Default {
        for field in subsection.fields() {
            check_default(field, errors);
        }
    }
}

/// `subsection("dev/a")` twice, or `subsection("dev/a")` before `subsection("dev/ab")`.
fn check_subsection_names(subsection: &Subsection<'_>, earlier: &[Subsection<'_>], errors: &Errors) {
    let Some(name) = subsection.name() else { return };
    let text = name.value();
    for other in earlier.iter().filter_map(|other| other.attributes.text()) {
        if text == other {
            errors.at(name, format!("duplicate subsection name {text:?}"));
        } else if text.starts_with(&other) {
            let message = format!(
                "QEMU would load this as a subsection of {other:?}, whose name is a prefix: move it before that one"
            );
            errors.at(name, message);
        }
    }
}
