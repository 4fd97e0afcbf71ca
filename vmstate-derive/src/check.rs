//! Every rule about the model that is more than the reading of one attribute.
//!
//! Each rule is a function, and shows what it refuses.

use std::collections::HashSet;

use syn::LitStr;

use crate::errors::Errors;
use crate::model::{Body, Device, Field, Subsection, UNUSED};
use crate::parse::Number;

/// Names stand on the wire behind one byte of length.
const MAX_NAME: usize = 255;
/// A load keeps note of the subsections it has seen in a word of this many bits.
const MAX_SUBSECTIONS: usize = 128;

/// QEMU's priorities, by the names of the variants of `Priority`.
const PRIORITIES: [&str; 8] = ["Low", "Default", "Iommu", "PciBus", "VirtioMem", "Apic", "Gicv3Its", "Gicv3"];

pub(crate) fn check(device: &Device<'_>, errors: &Errors) {
    check_name(&device.name, errors);
    check_versions(device, errors);
    check_priority(device, errors);
    check_fields(&device.fields, device.version, device.minimum_version, errors);
    check_subsection_count(device, errors);
    for (index, subsection) in device.subsections.iter().enumerate() {
        check_subsection(device, subsection, errors);
        check_subsection_names(subsection, &device.subsections[..index], errors);
    }
}

/// `name = ""`, or one that no length byte can count.
fn check_name(name: &LitStr, errors: &Errors) {
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
fn check_versions(device: &Device<'_>, errors: &Errors) {
    check_minimum(device.version, device.attributes.minimum_version.value(), errors);
}

fn check_minimum(version: u32, minimum: Option<&Number>, errors: &Errors) {
    if let Some(minimum) = minimum
        && minimum.value > version
    {
        let message = format!("`minimum_version` is above `version`, which is {version}: nothing could be loaded");
        errors.at(&minimum.literal, message);
    }
}

/// `priority = Highest`
fn check_priority(device: &Device<'_>, errors: &Errors) {
    if let Some(priority) = device.attributes.priority.value()
        && !PRIORITIES.contains(&priority.to_string().as_str())
    {
        errors.at(priority, format!("no such priority; there are: {}", PRIORITIES.join(", ")));
    }
}

/// The fields of the struct, or of one subsection.
fn check_fields(fields: &[Field], version: u32, minimum: u32, errors: &Errors) {
    let mut names = HashSet::new();
    for field in fields {
        check_name(&field.name, errors);
        check_gate(field, version, minimum, errors);
        // Padding may repeat, as in QEMU, where descriptions number it.
        if field.name.value() != UNUSED && !names.insert(field.name.value()) {
            errors.at(&field.name, format!("another field is named {:?} already", field.name.value()));
        }
    }
}

/// `since = 4` in a struct of version 3; `since = 2` where no version below 2 is loaded; `since = 3, until = 2`.
fn check_gate(field: &Field, version: u32, minimum: u32, errors: &Errors) {
    let gate = &field.gate;
    if field.member.is_none() {
        return;
    }
    if let Some(since) = &gate.since {
        if since.value > version {
            let message = format!(
                "`since` is above the struct's version, which is {version}: raise `version` to {}",
                since.value
            );
            errors.at(&since.literal, message);
        } else if since.value < minimum && gate.when.is_none() {
            let message =
                format!("no version below {minimum} is loaded, so every one has this field: leave `since` out");
            errors.at(&since.literal, message);
        }
    }
    if let Some(until) = &gate.until {
        if until.value < minimum {
            let message = format!("no version that is loaded ({minimum} and later) has this field: remove it");
            errors.at(&until.literal, message);
        } else if until.value >= version {
            let message =
                format!("every version up to the struct's own, which is {version}, has this field: leave `until` out");
            errors.at(&until.literal, message);
        }
        if gate.since.as_ref().is_some_and(|since| since.value > until.value) {
            errors.at(&until.literal, "`until` is below `since`: no version has this field");
        }
    }
    if let (Some(_), Some(number)) = (&gate.when, gate.since.as_ref().or(gate.until.as_ref())) {
        let message =
            "`when` decides alone: `since` and `until` have no effect beside it; ask for the version in the predicate";
        errors.at(&number.literal, message);
    }
    if field.default.is_some() && gate.is_open() {
        errors.at(&field.name, "`default` is what a field becomes that is not in the stream, but this one always is");
    }
}

fn check_subsection_count(device: &Device<'_>, errors: &Errors) {
    if let Some(subsection) = device.subsections.get(MAX_SUBSECTIONS) {
        errors.at(&subsection.key, format!("a struct has at most {MAX_SUBSECTIONS} subsections"));
    }
}

/// `subsection("fifo")` in a struct named `serial`; a group without fields; `absent = maybe`.
fn check_subsection(device: &Device<'_>, subsection: &Subsection<'_>, errors: &Errors) {
    let parent = device.name.value();
    if let Some(name) = &subsection.name {
        check_name(name, errors);
        // QEMU's names go on with a slash, all but a few (`or-irq-extras`); only the beginning decides.
        if name.value().strip_prefix(&parent).is_none_or(str::is_empty) {
            errors.at(name, format!("a subsection's name begins with its parent's and goes on: \"{parent}/...\""));
        }
    }
    if let Some(absent) = &subsection.absent
        && !["keep", "default", "error"].iter().any(|word| absent == word)
    {
        errors.at(absent, "`absent` takes `keep`, `default` or `error`");
    }
    if subsection.minimum_version > subsection.version {
        let message = format!("`minimum_version` is above the subsection's version, which is {}", subsection.version);
        errors.at(&subsection.key, message);
    }
    // Only the low byte of a subsection's version is looked at by QEMU.
    if subsection.version > 255 {
        errors.at(&subsection.key, "a subsection's version is at most 255: QEMU reads its low byte only");
    }
    match &subsection.body {
        Body::Group(fields) if fields.is_empty() => {
            let name = subsection.name.as_ref().map(LitStr::value).unwrap_or_default();
            errors.at(&subsection.key, format!("no field is in this group: write `in = {name:?}` on its fields"));
        }
        Body::Own { .. } if subsection.hooks.get().all().next().is_some() => {
            errors.at(&subsection.key, "the type of this field describes the subsection: its hooks belong there");
        }
        _ => {}
    }
    check_fields(subsection.fields(), subsection.version, subsection.minimum_version, errors);
}

/// The same name twice, or one that QEMU takes for a subsection of an earlier one because it begins with its name.
fn check_subsection_names(subsection: &Subsection<'_>, earlier: &[Subsection<'_>], errors: &Errors) {
    let Some(name) = &subsection.name else { return };
    let text = name.value();
    for other in earlier.iter().filter_map(|other| other.name.as_ref()) {
        let other = other.value();
        if text == other {
            errors.at(name, format!("another subsection is named {text:?} already"));
        } else if text.starts_with(&other) {
            let message =
                format!("QEMU takes this for a subsection of {other:?}, whose name it begins with: put it first");
            errors.at(name, message);
        }
    }
}
