//! Rules about subsections.

use super::field::{check_default, check_fields};
use super::name::{check_minimum, check_name};
use crate::errors::Errors;
use crate::model::{Absent, Body, Device, Subsection};
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
        errors.at(&subsection.attributes.key, format!("a struct has at most {MAX_SUBSECTIONS} subsections"));
    }
}

/// `subsection("fifo")` in a struct named `serial`; a group without fields; `absent = maybe`.
fn check_subsection(device: &Device<'_>, subsection: &Subsection<'_>, errors: &Errors) {
    let attributes = &subsection.attributes;
    if let Some(name) = subsection.name() {
        let parent = device.name.value();
        check_name(name, errors);
        // QEMU's names go on with a slash, all but a few (`or-irq-extras`); only the beginning decides.
        if name.value().strip_prefix(&parent).is_none_or(str::is_empty) {
            errors.at(name, format!("a subsection's name begins with its parent's and goes on: \"{parent}/...\""));
        }
    }
    if let Some(absent) = attributes.absent.value()
        && !["keep", "default", "error"].iter().any(|word| absent == word)
    {
        errors.at(absent, "`absent` takes `keep`, `default` or `error`");
    }
    match &subsection.body {
        Body::Own { .. } => check_own(subsection, errors),
        Body::Group(fields) if fields.is_empty() => {
            let name = attributes.text().unwrap_or_default();
            errors.at(&attributes.name, format!("no field is in this group: write `in = {name:?}` on its fields"));
        }
        _ => check_described(subsection, errors),
    }
}

/// `was(..=3 => 1)` where the struct's version is 3, or after one that reaches further.
fn check_was(device: &Device<'_>, subsection: &Subsection<'_>, errors: &Errors) {
    let mut reached = None;
    for Was { until, version } in subsection.attributes.was.value().into_iter().flatten() {
        if until.value >= device.version.current {
            let message =
                format!("the struct's version is {}: `was` is about the versions before it", device.version.current);
            errors.at(&until.literal, message);
        }
        if reached.is_some_and(|reached| until.value <= reached) {
            errors.at(&until.literal, "this is never reached: write the versions in their order");
        }
        let described_here = !matches!(subsection.body, Body::Own { .. });
        if described_here && version.value > subsection.version().current {
            let message = format!("the subsection's own version is {}", subsection.version().current);
            errors.at(&version.literal, message);
        }
        reached = Some(until.value);
    }
}

/// `subsection(version = 2)`, where the type has the version.
fn check_own(subsection: &Subsection<'_>, errors: &Errors) {
    let attributes = &subsection.attributes;
    let hooks = attributes.hooks.all().map(|(key, _)| key);
    for key in [attributes.version.key(), attributes.minimum_version.key()].into_iter().flatten().chain(hooks) {
        errors.at(key, format!("`{key}` belongs on the type of this field, which describes the whole subsection"));
    }
}

/// The rules of a struct, for a subsection that is described here.
fn check_described(subsection: &Subsection<'_>, errors: &Errors) {
    let attributes = &subsection.attributes;
    check_minimum(subsection.version(), &attributes.minimum_version, errors);
    if let Some(version) = attributes.version.value().filter(|version| version.value > MAX_SUBSECTION_VERSION) {
        let message =
            format!("a subsection's version is at most {MAX_SUBSECTION_VERSION}: QEMU reads its low byte only");
        errors.at(&version.literal, message);
    }
    check_fields(subsection.fields(), subsection.version(), errors);
    if subsection.policy() != Absent::Default {
        for field in subsection.fields() {
            check_default(field, errors);
        }
    }
}

/// The same name twice, or one that QEMU takes for a subsection of an earlier one because it begins with its name.
fn check_subsection_names(subsection: &Subsection<'_>, earlier: &[Subsection<'_>], errors: &Errors) {
    let Some(name) = subsection.name() else { return };
    let text = name.value();
    for other in earlier.iter().filter_map(|other| other.attributes.text()) {
        if text == other {
            errors.at(name, format!("another subsection is named {text:?} already"));
        } else if text.starts_with(&other) {
            let message =
                format!("QEMU takes this for a subsection of {other:?}, whose name it begins with: put it before that");
            errors.at(name, message);
        }
    }
}
